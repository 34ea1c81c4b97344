import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';

const { cloud, clients } = useCloud({ config: 'test/fixtures/backpressure.config.ts' });

type SourceName = 'main' | 'minor' | 'spilling';
const keys = new Map<SourceName, string>();

beforeAll(async () => {
  const connection = {
    endpoint: cloud().endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  for (const source of ['main', 'minor', 'spilling'] as const) {
    keys.set(source, await issueWriteKey(connection, cloud().output('AccessTableName'), source));
  }
});

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

async function push(source: SourceName, id: string, query = ''): Promise<Answer> {
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/${source}/records${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(source) ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id, at: '2026-03-01T10:00:00Z' }),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Answer['body'],
  };
}

async function landedIds(source: SourceName): Promise<readonly unknown[]> {
  const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), `raw/${source}/`);
  return rows.map(({ row }) => row['id']).toSorted();
}

describe('a consumer that works', () => {
  test('lets a request that waits be answered 200, and then its record is in the lake', async () => {
    // The first delivery starts the consumer, which may take longer than a request can wait.
    await push('main', 'first');
    await cloud().poller.drained();
    const answer = await push('main', 'waited', '?wait=true');
    expect([answer.status, answer.body['accepted']]).toEqual([200, 1]);
    expect(await landedIds('main')).toEqual(['first', 'waited']);
  });
});

describe('a consumer that stands still', () => {
  test('has low priority refused or spilled, the rest stored, and 202 for those who wait', async () => {
    await cloud().poller.stop();
    const waiting = push('main', 'waits in vain', '?wait=true');
    // Frames of a source that is never refused show the lag; requests go to one instance after the other.
    let refused: Answer | undefined;
    for (let i = 0; refused === undefined && i < 60; i++) {
      expect((await push('main', `m${String(i)}`)).status).toBe(202);
      const answer = await push('minor', `low${String(i)}`);
      if (answer.status === 202) await sleep(500);
      else refused = answer;
    }
    expect(refused).toMatchObject({
      status: 503,
      body: { type: expect.stringContaining('temporary-reduced-capacity') as unknown },
    });
    const retryAfter = Number(refused?.retryAfter);
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(await push('spilling', 's')).toMatchObject({ status: 202, body: { delayed: true } });
    expect((await waiting).status).toBe(202);
    expect(await landedIds('main')).toEqual(['first', 'waited']);
  });
});
