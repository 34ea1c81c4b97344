import { InvokeCommand } from '@aws-sdk/client-lambda';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../../../cloud/fault-proxy/seen-request.ts';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { ledgerCallOf } from '../../crash/ledger-call.ts';
import { Trap } from '../../crash/trap.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows, type LakeRow } from '../../support/lake-rows.ts';

const { cloud, clients } = useCloud({
  config: 'test/fixtures/landing.config.ts',
  storeFaults: { seed: 1, rates: {} },
});

/** Longer than the lease of a run that has died. */
const RUN_TIMEOUT_MS = 60_000;
/** The schedule of a minute, the emulator's own delay, and the run. */
const SCHEDULE_TIMEOUT_MS = 110_000;
const SOURCES = ['reports', 'minutely'] as const;
type SourceName = (typeof SOURCES)[number];

const keys = new Map<SourceName, string>();

beforeAll(async () => {
  const connection = {
    endpoint: cloud().endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  for (const source of SOURCES)
    keys.set(source, await issueWriteKey(connection, cloud().output('AccessTableName'), source));
});

/** Pushes records with these ids, of two hours, as one request. */
async function push(source: SourceName, ids: readonly string[]): Promise<void> {
  const records = ids.map((id, n) => ({ id, at: `2026-03-01T1${String(n % 2)}:15:00Z` }));
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/${source}/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(source) ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify(records),
  });
  expect([response.status, await response.text()]).toEqual([202, expect.stringContaining('"accepted"')]);
}

/** One run, as a schedule starts it. @returns what it did; undefined when it died */
async function land(source: SourceName): Promise<{ readonly commits: number } | undefined> {
  const answer = await clients().lambda.send(
    new InvokeCommand({
      FunctionName: cloud().output('LandFunctionName'),
      Payload: JSON.stringify({ sources: [source] }),
    }),
  );
  if (answer.FunctionError !== undefined) return undefined;
  const { sources } = JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as {
    sources: { commits: number }[];
  };
  return sources[0];
}

const rowsOf = (source: SourceName): Promise<LakeRow[]> =>
  lakeRows(clients().s3, cloud().output('LakeBucketName'), `raw/${source}/`);

const idsOf = (rows: readonly LakeRow[]): unknown[] => rows.map(({ row }) => row['id']).sort();

async function waitingFrames(source: SourceName): Promise<number> {
  const { KeyCount } = await clients().s3.send(
    new ListObjectsV2Command({
      Bucket: cloud().output('LakeBucketName'),
      Prefix: `landing/frames/${source}/`,
    }),
  );
  return KeyCount ?? 0;
}

describe('the plan of a deployment', () => {
  /** `headgate plan`, asked of this deployment. */
  async function plan(
    ...args: string[]
  ): Promise<{ readonly deployed: unknown; readonly contents?: unknown }> {
    const command = ['cli/main.ts', 'plan', '--json', '--config', 'test/fixtures/landing.config.ts', ...args];
    const { stdout } = await execa(process.execPath, command, {
      env: { AWS_ENDPOINT_URL: cloud().endpoint },
      reject: false,
    });
    return JSON.parse(stdout) as { deployed: unknown; contents?: unknown };
  }

  test('is kept beside it, and is what is deployed', async () => {
    expect((await plan()).deployed).toEqual({ state: 'deployed', changes: [] });
  });

  test('is compared with what is in the lake: of sources that have not landed nothing is read', async () => {
    expect((await plan('--deep')).contents).toEqual({ shared: [], notRead: [...SOURCES] });
    expect((await plan()).contents).toBeUndefined();
  });

  test('is compared with another one', async () => {
    const { deployed } = await plan('reports', '--what-if', 'freshness=30 minutes');
    expect(deployed).toEqual({
      state: 'deployed',
      changes: [
        {
          what: 'sources.reports',
          change: 'changed',
          says: 'land lane, every 1 hour, fresh within 3 hours → land lane, every 15 minutes, fresh within 30 minutes',
        },
      ],
    });
  });
});

describe('a source that is collected', () => {
  test('has no stream: what is accepted waits in the landing zone', async () => {
    expect(() => cloud().output('IngestStreamName')).toThrow(/IngestStreamName/);
    await push('minutely', ['a', 'b']);
    expect(await waitingFrames('minutely')).toBe(1);
    expect(await rowsOf('minutely')).toEqual([]);
  });

  test(
    'lands when its schedule comes',
    async () => {
      const deadlineMs = Date.now() + SCHEDULE_TIMEOUT_MS;
      while ((await waitingFrames('minutely')) > 0 && Date.now() < deadlineMs) await sleep(1_000);
      expect(idsOf(await rowsOf('minutely'))).toEqual(['a', 'b']);
    },
    SCHEDULE_TIMEOUT_MS + RUN_TIMEOUT_MS,
  );

  test(
    'lands many requests in one file per partition, once, when two runs come at the same time',
    async () => {
      const ids = Array.from({ length: 40 }, (_, n) => [`m${String(2 * n)}`, `m${String(2 * n + 1)}`]);
      for (const request of ids) await push('reports', request);
      await Promise.all([land('reports'), land('reports'), land('reports')]);
      const rows = await rowsOf('reports');
      expect(idsOf(rows)).toEqual(ids.flat().sort());
      expect(new Set(rows.map(({ key }) => key)).size).toBe(2);
      expect(await waitingFrames('reports')).toBe(0);
      expect(await land('reports')).toMatchObject({ commits: 0 });
    },
    RUN_TIMEOUT_MS,
  );

  test(
    'lands a repeated request once: its second frame is a duplicate',
    async () => {
      await push('reports', ['again']);
      await push('reports', ['again']);
      expect(await waitingFrames('reports')).toBe(2);
      await land('reports');
      expect(idsOf(await rowsOf('reports')).filter((id) => id === 'again')).toHaveLength(1);
    },
    RUN_TIMEOUT_MS,
  );
});

/* Where a run can die, by the calls that it makes. */
const isS3 =
  (operation: string, prefix: string) =>
  (request: SeenRequest): boolean =>
    request.service === 's3' && request.operation === operation && request.resource.startsWith(prefix);
const isLedger =
  (operation: string) =>
  (request: SeenRequest): boolean => {
    const call = ledgerCallOf(request);
    return call?.operation === operation && call.lane === 'landing/reports';
  };

const CALLS = [
  ['the listing', isS3('GetObjects', '')],
  ['a frame', isS3('GetObject', 'landing/frames/reports/')],
  ['the manifest', isS3('PutObject', 'landing/batches/reports/')],
  ['the announcement', isLedger('announce')],
  ['a file', isS3('PutObject', 'raw/reports/')],
  ['the commit', isLedger('commit')],
  ['the removal', isS3('PostBucket', '')],
] as const;

describe('a run that is killed', () => {
  test.each(
    CALLS.flatMap(([call, matches]) =>
      (['before', 'after', 'lost'] as const).map((variant) => ({ call, matches, variant })),
    ),
  )(
    'at $call, $variant, loses nothing, and what it landed is not landed again',
    async ({ call, matches, variant }) => {
      const id = `${call} ${variant}`;
      await push('reports', [`${id} 1`, `${id} 2`]);
      await push('reports', [`${id} 3`, `${id} 4`]);
      const trap = new Trap({ matches, nth: 1 }, variant);
      const remove = cloud().faultProxy?.use({
        matches: (request) => request.service === 's3' || request.service === 'dynamodb',
        before: (request) => trap.before(request),
        after: (request) => trap.after(request),
      });
      const outcome = await land('reports');
      remove?.();
      if (variant === 'lost') expect(outcome, 'its SDK repeats the call').toBeDefined();
      else expect(outcome, 'it was killed').toBeUndefined();
      expect(await land('reports')).toBeDefined();
      const found = idsOf(await rowsOf('reports')).filter((found) => String(found).startsWith(id));
      expect(found).toEqual([1, 2, 3, 4].map((n) => `${id} ${String(n)}`));
      expect(await waitingFrames('reports')).toBe(0);
    },
    RUN_TIMEOUT_MS,
  );
});
