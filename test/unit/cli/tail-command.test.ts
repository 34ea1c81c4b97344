import { expect, test } from 'vitest';
import { runCli, type CliDeps } from '../../../cli/run-cli.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import type { LakeFile } from '../../../shared/adapters/aws/s3-lake-view.ts';
import type { LogLine } from '../../../shared/ports/log-lines.ts';
import { pushedOrdersConfig as config } from '../../support/pushed-orders-config.ts';

/** @param more files that appear 5 s after the start, whenever their writers began */
function setUp(more: readonly { readonly name: string; readonly afterMs: number }[] = []) {
  const clock = new ManualClock({ jump: true });
  const startMs = clock.nowMs();
  const day = new Date(startMs).toISOString().slice(0, 10);
  const file = (key: string, afterMs: number, kind: LakeFile['kind'] = 'data'): LakeFile => ({
    ...{ key, kind, sizeBytes: 1, rows: 1 },
    writtenAtMs: startMs + afterMs,
  });
  const files = [
    file(`raw/orders/dt=${day}/old.parquet`, -60_000),
    ...more.map(({ name, afterMs }) => file(`raw/orders/dt=${day}/${name}`, afterMs)),
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
          const late = more.map(({ name }) => name);
          const appearsMs = ({ key, writtenAtMs }: LakeFile): number =>
            late.some((name) => key.endsWith(name)) ? startMs + 5_000 : writtenAtMs;
          return Promise.resolve(
            files.filter(
              (each) =>
                appearsMs(each) <= clock.nowMs() && prefixes.some((prefix) => each.key.startsWith(prefix)),
            ),
          );
        },
        copyTo: (_folder: string, keys: readonly string[]) => {
          copied = keys;
          return Promise.resolve([]);
        },
      }),
    queryFolder: (_folder: string, sql: string) => {
      const isRaw = sql.includes('"orders"');
      expect(sql).toContain('to_json(COLUMNS(*))');
      const keys = copied.filter((key) => key.startsWith(isRaw ? 'raw/' : 'quarantine/'));
      return Promise.resolve(
        isRaw
          ? {
              columns: ['id', 'kind', 'amount', 'total', 'rate', '_id'],
              rows: keys.map((key) => [
                JSON.stringify(key.split('/').at(-1)),
                ...['"refund"', 'NULL', '9007199254740993', 'NaN', '"kinesis/1"'],
              ]),
            }
          : {
              columns: ['reason', 'error', '_id'],
              rows: keys.map(() => ['"CONTRACT"', '"amount must be a number"', '"kinesis/2"']),
            },
      );
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
  expect(out[0]).toContain(
    'kinesis/1 {"id":"a.parquet","kind":"refund","total":9007199254740993,"rate":"NaN"}',
  );
  expect(out[1]).toContain('CONTRACT: amount must be a number (kinesis/2)');
  expect(out[2]).toContain('warn push: it is slow for all {"attempt":2}');
  expect(out[3]).toContain('it is slow for orders');
  // Partitions around now, and not the whole source.
  expect(asked[0]).toHaveLength(4);
});

test('programs get a line of JSON each, with every digit and their own fields', async () => {
  const { run, out, err } = setUp();
  expect(await run('--limit', '1', '--json')).toBe(0);
  expect(out).toEqual([
    '{"kind":"landed","row":{"id":"a.parquet","kind":"refund","amount":null,"total":9007199254740993,"rate":"NaN","_id":"kinesis/1"}}',
  ]);
  expect(err).toEqual([]);
});

test('who asks for errors gets rows in quarantine and lines of logs, and no records', async () => {
  const { run, out, asked } = setUp();
  expect(await run('--limit', '3', '--errors', '--json')).toBe(0);
  expect(out.map((text) => JSON.parse(text) as object)).toMatchObject([
    { kind: 'quarantined', row: { reason: 'CONTRACT' } },
    { kind: 'log', level: 'warn', lane: 'push', fields: { attempt: 2 } },
    { kind: 'log', source: 'orders' },
  ]);
  expect(asked[0]).toEqual(['quarantine/orders/']);
});

test('a file whose writer began before the command, and that appears after its first look, is shown', async () => {
  const { run, out } = setUp([{ name: 'begun-before.parquet', afterMs: -500 }]);
  expect(await run('--limit', '1')).toBe(0);
  expect(out[0]).toContain('begun-before.parquet');
});

test('a source that is not declared, or a limit that is none, is refused', async () => {
  const { run } = setUp();
  expect(await run('--limit', '0')).toBe(2);
});
