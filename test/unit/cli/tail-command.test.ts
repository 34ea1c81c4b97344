import { expect, test } from 'vitest';
import { runCli, type CliDeps } from '../../../cli/run-cli.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import type { LakeFile } from '../../../shared/adapters/aws/s3-lake-view.ts';
import type { LogLine } from '../../../shared/ports/log-lines.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';

const config = parseConfig({
  sources: {
    orders: {
      type: 'push',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      key: ['id'],
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});

function setUp() {
  const clock = new ManualClock({ jump: true });
  const startMs = clock.nowMs();
  const day = new Date(startMs).toISOString().slice(0, 10);
  const file = (key: string, afterMs: number, kind: LakeFile['kind'] = 'data'): LakeFile => ({
    ...{ key, kind, sizeBytes: 1, rows: 1 },
    writtenAtMs: startMs + afterMs,
  });
  const files = [
    file(`raw/orders/dt=${day}/old.parquet`, -60_000),
    file(`raw/orders/dt=${day}/a.parquet`, 6_000),
    file(`raw/orders/dt=${day}/withdrawn.parquet`, 6_000, 'tombstone'),
    file(`quarantine/orders/reason=CONTRACT/dt=${day}/q.parquet`, 11_000),
  ];
  const lines: readonly LogLine[] = [
    ...[undefined, 'orders', 'others'].map((source, i) => ({
      ...{ id: `l${String(i)}`, atMs: startMs + 12_000, lane: 'push', level: 'warn' },
      ...{ message: `it is slow for ${source ?? 'all'}`, source, fields: { attempt: 2 } },
    })),
  ];
  const asked: (readonly string[])[] = [];
  let copied: readonly string[] = [];
  const out: string[] = [];
  const err: string[] = [];
  const deps = {
    terminal: { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) },
    clock,
    loadConfig: () => Promise.resolve(config),
    openLake: () =>
      Promise.resolve({
        list: (prefixes: readonly string[]) => {
          asked.push(prefixes);
          return Promise.resolve(files.filter(({ writtenAtMs }) => writtenAtMs <= clock.nowMs()));
        },
        copyTo: (_folder: string, keys: readonly string[]) => {
          copied = keys;
          return Promise.resolve([]);
        },
      }),
    queryFolder: (_folder: string, sql: string) => {
      const isRaw = sql.includes('"orders"');
      const rows = copied
        .filter((key) => key.startsWith(isRaw ? 'raw/' : 'quarantine/'))
        .map((key) => [
          JSON.stringify(
            isRaw
              ? { id: key.split('/').at(-1), amount: null, _id: 'kinesis/1' }
              : { reason: 'CONTRACT', error: 'amount must be a number', _id: 'kinesis/2' },
          ),
        ]);
      return Promise.resolve({ columns: [], rows });
    },
    openLogs: () =>
      Promise.resolve({
        read: () => Promise.resolve(lines.filter(({ atMs }) => atMs <= clock.nowMs())),
        close: () => undefined,
      }),
  } as unknown as CliDeps;
  const run = (...args: string[]): Promise<number> => runCli(['tail', 'orders', ...args], deps);
  return { run, out, err, asked };
}

test('rows, rows in quarantine and warnings are shown once, as they appear; what was there before is not', async () => {
  const { run, out, asked } = setUp();
  expect(await run('--limit', '4')).toBe(0);
  expect(out).toHaveLength(4);
  expect(out[0]).toContain('kinesis/1 {"id":"a.parquet"}');
  expect(out[1]).toContain('CONTRACT: amount must be a number (kinesis/2)');
  expect(out[2]).toContain('warn push: it is slow for all {"attempt":2}');
  expect(out[3]).toContain('it is slow for orders');
  // Partitions around now, and not the whole source.
  expect(asked[0]).toHaveLength(4);
});

test('programs get a line of JSON each, and only errors where they ask for those', async () => {
  const { run, out, err } = setUp();
  expect(await run('--limit', '2', '--errors', '--json')).toBe(0);
  expect(out.map((text) => JSON.parse(text) as object)).toMatchObject([
    { kind: 'log', level: 'warn', lane: 'push', fields: { attempt: 2 } },
    { kind: 'log', source: 'orders' },
  ]);
  expect(err).toEqual([]);
});

test('a source that is not declared, or a limit that is none, is refused', async () => {
  const { run } = setUp();
  expect(await run('--limit', '0')).toBe(2);
});
