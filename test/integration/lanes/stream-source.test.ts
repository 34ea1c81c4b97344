import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { beforeAll, describe, expect, test } from 'vitest';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows, type LakeRow } from '../../support/lake-rows.ts';

const { cloud, clients } = useCloud({ config: 'test/fixtures/stream-source.config.ts' });

const SENT = [
  '{"id":"a","at":"2026-03-01T10:15:00Z","user":{"name":"Ada","shoe":42},"page":"/"}',
  '[{"id":"b","at":"2026-03-01T11:00:00.123456+01:00"},{"id":"c","at":"2026-03-01T10:59:59Z"}]',
  '{"id":"d","at":"2026-03-02T00:00:00Z"}\n{"id":"a","at":"2026-03-01T10:15:00Z","user":{"name":"Ada","shoe":42},"page":"/"}\n',
  '{"id":"e"}',
  'no JSON at all',
];

describe('plain JSON on the stream of a source', () => {
  let landed: LakeRow[];
  let quarantined: LakeRow[];

  beforeAll(async () => {
    const streams = JSON.parse(cloud().output('SourceStreams')) as Record<string, string>;
    const [stream] = Object.keys(streams);
    await clients().kinesis.send(
      new PutRecordsCommand({
        StreamName: stream,
        Records: SENT.map((text) => ({ Data: Buffer.from(text), PartitionKey: 'p' })),
      }),
    );
    await cloud().poller.drained();
    const bucket = cloud().output('LakeBucketName');
    landed = await lakeRows(clients().s3, bucket, 'raw/clicks/');
    quarantined = await lakeRows(clients().s3, bucket, 'quarantine/clicks/');
  });

  test('lands once, typed, in the partition of its event time', () => {
    const found = landed.map(({ key, row }) => [row['id'], /dt=[^/]+\/hour=\d+/.exec(key)?.[0]]);
    expect(found.toSorted()).toEqual([
      ['a', 'dt=2026-03-01/hour=10'],
      ['b', 'dt=2026-03-01/hour=10'],
      ['c', 'dt=2026-03-01/hour=10'],
      ['d', 'dt=2026-03-02/hour=00'],
    ]);
    const b = landed.find(({ row }) => row['id'] === 'b');
    expect(b?.row['at']).toBe(BigInt(Date.UTC(2026, 2, 1, 10)) * 1000n + 123_456n);
  });

  test('keeps what the contract does not name, nested as it was', () => {
    const a = landed.find(({ row }) => row['id'] === 'a');
    expect(a?.row['user']).toEqual({ name: 'Ada' });
    expect(JSON.parse(a?.row['_extra'] as string)).toEqual({ user: { shoe: 42 }, page: '/' });
  });

  test('goes to quarantine with its reason and its bytes when it cannot land', () => {
    const found = quarantined.map(({ row }) => [
      row['reason'],
      Buffer.from((row['raw'] as { hex: string }).hex, 'hex').toString(),
    ]);
    expect(found.toSorted()).toEqual([
      ['CONTRACT', '{"id":"e"}'],
      ['MALFORMED', 'no JSON at all'],
    ]);
    expect(quarantined.find(({ row }) => row['reason'] === 'CONTRACT')?.row['error']).toContain('at');
  });
});
