import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { copyLakeSample, type SampleLimits } from '../../../shared/adapters/aws/s3-lake-sample.ts';
import { S3Lake } from '../../../shared/adapters/aws/s3-lake.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

/* What a sample takes of a lake in a bucket: files of three days, the last of which holds a tombstone and a stranger's object. */

const BUCKET = 'lake-sample';
const NOW_MS = Date.UTC(2026, 4, 3);

let emulator: BareEmulator;
let s3: S3Client;
let folder: string;

beforeAll(async () => {
  emulator = await startBareEmulator();
  s3 = createS3Client(emulator.connection);
  folder = await mkdtemp(join(tmpdir(), 'headgate-sample-'));
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const lake = new S3Lake({ s3, bucket: BUCKET });
  const put = (key: string, kind: 'data' | 'tombstone', text: string): Promise<unknown> =>
    lake.putIfAbsent(key, { kind, lane: 'test', bytes: Buffer.from(text), rows: 1, writtenAtMs: NOW_MS });
  for (const [day, text] of [
    ['01', 'old '],
    ['02', 'mid '],
    ['03', 'new '],
  ] as const)
    for (const i of [1, 2])
      await put(`raw/orders/dt=2026-05-${day}/f${String(i)}.parquet`, 'data', text.repeat(25));
  await put('raw/orders/dt=2026-05-03/gone.parquet', 'tombstone', 'none');
  await put('raw/orders_export/dt=2026-05-03/f1.parquet', 'data', 'another source');
  await s3.send(
    new PutObjectCommand({ Bucket: BUCKET, Key: 'raw/orders/dt=2026-05-03/notes.txt', Body: 'note' }),
  );
}, 120_000);
afterAll(async () => {
  s3.destroy();
  await rm(folder, { recursive: true, force: true });
  await emulator.stop();
});

const sample = async (limits: Partial<SampleLimits> = {}, source = 'orders'): Promise<string[]> => {
  const paths = await copyLakeSample({ s3, bucket: BUCKET, nowMs: () => NOW_MS }, source, folder, {
    maxBytes: 1e6,
    maxFiles: 100,
    deadlineMs: NOW_MS + 1,
    ...limits,
  });
  return Promise.all(paths.map(async (path) => (await readFile(path, 'utf8')).slice(0, 3)));
};

describe('a sample of the lake', () => {
  test('holds data files of the source alone, the newest days first', async () => {
    expect(await sample()).toEqual(['new', 'new', 'mid', 'mid', 'old', 'old']);
  });

  test('ends with its files, its bytes and its time', async () => {
    expect(await sample({ maxFiles: 3 })).toEqual(['new', 'new', 'mid']);
    // 100 bytes each.
    expect(await sample({ maxBytes: 250 })).toEqual(['new', 'new']);
    expect(await sample({ deadlineMs: NOW_MS - 1 })).toEqual([]);
  });

  test('of what has not landed is empty', async () => {
    expect(await sample({}, 'nothing')).toEqual([]);
  });
});
