import { DeleteObjectsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { S3FrameWriter } from '../../../shared/adapters/aws/s3-frame-writer.ts';
import { S3LandingZone } from '../../../shared/adapters/aws/s3-landing-zone.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { createFrameNames } from '../../../shared/domain/landing-frame.ts';

const nameAt = (ms: number): string => createFrameNames(() => 'x')(ms);

describe('the landing zone in S3', () => {
  const s3 = mockClient(S3Client);
  const zone = new S3LandingZone({
    s3: new S3Client({ region: 'us-east-1' }),
    bucket: 'lake',
    clock: new ManualClock(),
  });

  beforeEach(() => {
    s3.reset();
    s3.onAnyCommand().rejects(new Error('not stubbed'));
  });

  test('creates a frame on condition that its name is free, and takes a name that is not for its own frame', async () => {
    s3.on(PutObjectCommand).rejectsOnce(
      Object.assign(new Error('PreconditionFailed'), {
        name: 'PreconditionFailed',
        $metadata: { httpStatusCode: 412 },
      }),
    );
    const name = nameAt(Date.now());
    await new S3FrameWriter({ s3: new S3Client({}), bucket: 'lake' }).put(
      'orders',
      name,
      Buffer.from('x'),
      1_000,
    );
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toMatchObject({
      Bucket: 'lake',
      Key: `landing/frames/orders/${name}`,
      IfNoneMatch: '*',
    });
  });

  test('lists what comes after a text, and says whether there is more', async () => {
    s3.on(ListObjectsV2Command).resolves({
      Contents: [{ Key: 'landing/frames/orders/b', Size: 7 }],
      IsTruncated: true,
    });
    expect(await zone.list('orders', 'a')).toEqual({ frames: [{ name: 'b', bytes: 7 }], isLast: false });
    expect(s3.commandCalls(ListObjectsV2Command)[0]?.args[0].input).toMatchObject({
      Prefix: 'landing/frames/orders/',
      StartAfter: 'landing/frames/orders/a',
    });
  });

  test('removes a thousand frames per call, and says when one was kept', async () => {
    s3.on(DeleteObjectsCommand).resolves({});
    const names = Array.from({ length: 2_001 }, (_, at) => `n${String(at)}`);
    await zone.remove('orders', names);
    const sizes = s3
      .commandCalls(DeleteObjectsCommand)
      .map(({ args: [{ input }] }) => input.Delete?.Objects?.length);
    expect(sizes).toEqual([1_000, 1_000, 1]);
    s3.on(DeleteObjectsCommand).resolves({ Errors: [{ Key: 'k', Code: 'AccessDenied' }] });
    await expect(zone.remove('orders', ['a'])).rejects.toMatchObject({
      code: 'OBJECTS_NOT_DELETED',
      message: expect.stringContaining('AccessDenied') as unknown,
    });
  });
});
