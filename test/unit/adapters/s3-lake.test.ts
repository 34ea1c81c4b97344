import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { S3Lake } from '../../../shared/adapters/aws/s3-lake.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { LakeObject } from '../../../shared/ports/lake.ts';

const s3 = mockClient(S3Client);
const KEY = 'raw/orders/dt=2024-01-01/x-v1.parquet';
const OBJECT: LakeObject = {
  kind: 'data',
  lane: 'kinesis/ingest/shard',
  bytes: Buffer.from('PAR1'),
  rows: 3,
  writtenAtMs: 1_704_067_200_123,
};

beforeEach(() => {
  s3.reset();
  s3.onAnyCommand().rejects(new Error('not stubbed'));
});

function createLake(): S3Lake {
  return new S3Lake({ s3: new S3Client({ region: 'us-east-1' }), bucket: 'lake' });
}

function refusal(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
}

describe('s3 lake', () => {
  test('a create is conditional, checked by S3 and carries kind, rows and time', async () => {
    s3.on(PutObjectCommand).resolves({});
    expect(await createLake().putIfAbsent(KEY, OBJECT)).toBe('created');
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toMatchObject({
      Bucket: 'lake',
      Key: KEY,
      IfNoneMatch: '*',
      ChecksumAlgorithm: 'CRC32',
      Metadata: {
        'headgate-kind': 'data',
        'headgate-lane': 'kinesis/ingest/shard',
        'headgate-rows': '3',
        'headgate-written-at': '1704067200123',
      },
    });
  });

  test('an overwrite is not conditional', async () => {
    s3.on(PutObjectCommand).resolves({});
    await createLake().overwrite(KEY, OBJECT);
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input.IfNoneMatch).toBeUndefined();
  });

  test('412 means that the object exists', async () => {
    s3.on(PutObjectCommand).rejects(refusal('PreconditionFailed', 412));
    expect(await createLake().putIfAbsent(KEY, OBJECT)).toBe('exists');
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(1);
  });

  test.each([
    ['SlowDown', 503, TransientError],
    ['ConditionalRequestConflict', 409, TransientError],
    ['AccessDenied', 403, BlockedError],
    ['NoSuchBucket', 404, BlockedError],
  ])('%s never looks like an object that exists', async (name, status, type) => {
    s3.on(PutObjectCommand).rejects(refusal(name, status));
    await expect(createLake().putIfAbsent(KEY, OBJECT)).rejects.toBeInstanceOf(type);
    await expect(createLake().overwrite(KEY, OBJECT)).rejects.toBeInstanceOf(type);
  });

  test('only "not found" means that nothing stands at a key', async () => {
    s3.on(HeadObjectCommand).rejects(refusal('NotFound', 404));
    expect(await createLake().kindOf(KEY)).toBeUndefined();
    s3.on(HeadObjectCommand).rejects(refusal('UnknownError', 403));
    await expect(createLake().kindOf(KEY)).rejects.toBeInstanceOf(BlockedError);
    s3.on(HeadObjectCommand).rejects(refusal('InternalError', 500));
    await expect(createLake().kindOf(KEY)).rejects.toBeInstanceOf(TransientError);
  });

  test.each([[undefined], [{}], [{ 'headgate-kind': 'DATA' }]])(
    "an object of somebody else's (metadata %j) is neither data nor tombstone",
    async (metadata) => {
      s3.on(HeadObjectCommand).resolves(metadata === undefined ? {} : { Metadata: metadata });
      await expect(createLake().kindOf(KEY)).rejects.toMatchObject({
        code: 'FOREIGN_OBJECT',
        disposition: 'block',
      });
    },
  );
});
