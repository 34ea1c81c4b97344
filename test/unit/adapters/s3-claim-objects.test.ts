import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { S3ClaimObjects } from '../../../shared/adapters/aws/s3-claim-objects.ts';
import { CLAIM_OBJECT_DAYS, keptDaysFor } from '../../../shared/domain/claim-objects.ts';

const DAY_MS = 86_400_000;
const s3 = mockClient(S3Client);
const createObjects = (): S3ClaimObjects =>
  new S3ClaimObjects({ s3: new S3Client({ region: 'us-east-1' }), bucket: 'lake' });

const found = (bytes: Uint8Array) => ({
  Body: { transformToByteArray: () => Promise.resolve(bytes) } as never,
});

beforeEach(() => {
  s3.reset();
  s3.onAnyCommand().rejects(new Error('not stubbed'));
});

describe('objects of claims', () => {
  test('hold all parts of a batch, created once, under the days that they are kept for', async () => {
    s3.on(PutObjectCommand).resolves({});
    const parts = [Buffer.from('first'), Buffer.alloc(0), Buffer.from([1, 2, 3])];
    const id = await createObjects().put('token', parts, 9 * DAY_MS);
    expect(id).toBe('11/token');
    const [call] = s3.commandCalls(PutObjectCommand);
    expect(call?.args[0].input).toMatchObject({
      Bucket: 'lake',
      Key: 'landing/claims/11/token',
      IfNoneMatch: '*',
    });
    s3.on(GetObjectCommand, { Bucket: 'lake', Key: 'landing/claims/11/token' }).resolves(
      found(call?.args[0].input.Body as Buffer),
    );
    const read = await createObjects().read(id);
    expect(read?.map((part) => Buffer.from(part))).toEqual(parts);
  });

  test('that are not there are none', async () => {
    s3.on(GetObjectCommand).rejects(Object.assign(new Error('none'), { name: 'NoSuchKey' }));
    expect(await createObjects().read('4/none')).toBeUndefined();
  });

  test.each([1, 3, 7])('that are cut off after %i bytes are not taken for claims', async (length) => {
    const whole = Buffer.concat([Buffer.from([4, 0, 0, 0]), Buffer.from('abcd')]);
    s3.on(GetObjectCommand).resolves(found(whole.subarray(0, length)));
    await expect(createObjects().read('4/cut')).rejects.toMatchObject({ code: 'CLAIM_OBJECT_DAMAGED' });
  });
});

describe('days that objects are kept', () => {
  test('are never fewer than asked for, and the fewest of those that there are', () => {
    for (const days of [0.1, 3.9, 4, 4.01, 10, 33, 63.5, 93]) {
      const kept = keptDaysFor(days * DAY_MS);
      expect(kept).toBeGreaterThanOrEqual(days);
      expect(CLAIM_OBJECT_DAYS.filter((each) => each >= days && each < kept)).toEqual([]);
    }
  });

  test('are enough for the longest window and what claims stay beyond it', () => {
    expect(keptDaysFor(93 * DAY_MS)).toBe(94);
    expect(() => keptDaysFor(95 * DAY_MS)).toThrow(RangeError);
  });
});
