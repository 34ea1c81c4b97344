import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { S3BatchStage } from '../../../shared/adapters/aws/s3-batch-stage.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';

const s3 = mockClient(S3Client);
const KEY = 'landing/pull/items/3.batch';
const BYTES = Buffer.from('batch');

beforeEach(() => {
  s3.reset();
  s3.onAnyCommand().rejects(new Error('not stubbed'));
});

const createStage = (): S3BatchStage =>
  new S3BatchStage({
    s3: new S3Client({ region: 'us-east-1' }),
    bucket: 'lake',
  });

const refusal = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

const found = (bytes: Uint8Array) => ({
  Body: { transformToByteArray: () => Promise.resolve(bytes) } as never,
});

describe('s3 batch stage', () => {
  test('a batch is created in the landing zone, on condition that its key is free', async () => {
    s3.on(PutObjectCommand).resolves({});
    expect(await createStage().decide('pull/items', 3, BYTES)).toBe(BYTES);
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toMatchObject({
      Bucket: 'lake',
      Key: KEY,
      Body: BYTES,
      IfNoneMatch: '*',
    });
  });

  test('412 means that another writer has decided: its batch is read', async () => {
    const other = Buffer.from('other');
    s3.on(PutObjectCommand).rejects(refusal('PreconditionFailed', 412));
    s3.on(GetObjectCommand, { Bucket: 'lake', Key: KEY }).resolves(found(other));
    expect(await createStage().decide('pull/items', 3, BYTES)).toBe(other);
  });

  test('a conflict that does not end is a passing failure', async () => {
    s3.on(PutObjectCommand).rejects(refusal('ConditionalRequestConflict', 409));
    s3.on(GetObjectCommand).rejects(refusal('NoSuchKey', 404));
    await expect(createStage().decide('pull/items', 3, BYTES)).rejects.toThrow(TransientError);
  });

  test('a batch that was there and is gone is not decided anew under the same number', async () => {
    s3.on(PutObjectCommand).rejects(refusal('PreconditionFailed', 412));
    s3.on(GetObjectCommand).rejects(refusal('NoSuchKey', 404));
    await expect(createStage().decide('pull/items', 3, BYTES)).rejects.toMatchObject({
      code: 'STAGED_BATCH_VANISHED',
    });
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(1);
  });

  test('a denied call blocks, and never looks like an absent batch', async () => {
    s3.onAnyCommand().rejects(refusal('AccessDenied', 403));
    await expect(createStage().find('pull/items', 3)).rejects.toThrow(BlockedError);
    await expect(createStage().decide('pull/items', 3, BYTES)).rejects.toThrow(BlockedError);
  });
});
