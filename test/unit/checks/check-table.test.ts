import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { checkTable } from '../../../shared/pipeline/checks/check-table.ts';
import type { TableDescription, TableRead, TableSource } from '../../../shared/ports/table-source.ts';
import { declareOrders } from '../../support/declare-table.ts';

const HOUR_MS = 3_600_000;
const CURSOR = { incremental: { cursor: 'at' } } as const;
const NO_INDEX = {
  code: 'DB_CURSOR_NO_INDEX',
  message: 'no index begins with the cursor (cost 4711)',
} as const;

interface Table {
  readonly description?: Partial<TableDescription>;
  readonly describe?: Error;
  readonly horizon?: Error | number;
  readonly read?: Error;
  readonly privateAddress?: string;
}

/** A table that answers as it is told. */
async function check(settings: Parameters<typeof declareOrders>[0], table: Table) {
  const clock = new ManualClock();
  const reads: TableRead[] = [];
  let horizons = 0;
  const source = {
    describe: () =>
      table.describe === undefined
        ? Promise.resolve({
            ...{ columns: [], primaryKey: ['id'], isKeyUnique: true, warnings: [] },
            ...{ estimatedRows: 10_000_000, estimatedBytes: 1e9 },
            ...table.description,
          })
        : Promise.reject(table.describe),
    readHorizon: () => {
      horizons++;
      if (table.horizon instanceof Error) return Promise.reject(table.horizon);
      const oldestOpenMs = table.horizon === undefined ? undefined : clock.nowMs() - table.horizon;
      return Promise.resolve({ until: undefined, memory: undefined, oldestOpenMs });
    },
    read: (request: TableRead) => {
      reads.push(request);
      return (async function* () {
        if (table.read !== undefined) throw await Promise.resolve(table.read);
        yield* [];
      })();
    },
  } as unknown as TableSource;
  const findings = await checkTable({
    source: declareOrders(settings),
    table: source,
    clock,
    deadlineMs: clock.nowMs() + 30_000,
    privateAddress: () => Promise.resolve(table.privateAddress),
  });
  return { levels: findings.map(({ level, code }) => `${level} ${code}`), findings, reads, horizons };
}

describe('the check of a table', () => {
  test('finds nothing where nothing is', async () => {
    for (const settings of [{}, CURSOR, { incremental: { cursor: 'at', initialValue: '2026-01-01' } }])
      expect((await check(settings, {})).findings).toEqual([]);
  });

  test.each([
    ['DB_LOGIN', new BlockedError('DB_LOGIN', 'refused')],
    ['DB_UNREACHABLE', new TransientError('DB_UNREACHABLE', 'no answer')],
    ['DB_TIMEOUT', new TransientError('DB_TIMEOUT', 'took too long')],
  ])('%s ends it: nothing else can be known', async (code, error) => {
    const { levels, reads, horizons } = await check(CURSOR, { describe: error, privateAddress: '10.0.0.1' });
    expect({ levels, reads, horizons }).toEqual({ levels: [`error ${code}`], reads: [], horizons: 0 });
  });

  test('a database in a network of its own is not judged by a machine that does not reach it', async () => {
    const connection = {
      ...{ host: 'db', database: 'shop', user: 'u', password: { parameter: '/db' } },
      network: { subnets: ['subnet-1'], securityGroups: ['sg-1'] },
    };
    const unreachable = new TransientError('DB_UNREACHABLE', 'no answer');
    const { levels, findings } = await check({ connection }, { describe: unreachable });
    expect(levels).toEqual(['warning DB_UNREACHABLE']);
    expect(findings[0]?.message).toContain('connection.network');
    // A private address is what that network is for.
    expect((await check({ connection }, { privateAddress: '10.0.0.1' })).levels).toEqual([]);
    expect((await check({}, { privateAddress: '10.0.0.1' })).levels).toEqual(['warning DB_PRIVATE_ADDRESS']);
  });

  test('a key that is not unique stops sources that follow a cursor, and no others', async () => {
    const description = {
      isKeyUnique: false,
      warnings: [{ code: 'DB_KEY_NOT_UNIQUE', message: 'no unique index' }],
    } as const;
    const changeLog = { id: 'id' };
    for (const [settings, level] of [
      [{}, 'warning'],
      [CURSOR, 'error'],
      [{ incremental: { cursor: 'at', lookback: '1 hour' } }, 'error'],
      [{ changeLog }, 'error'],
      [
        { changeLog: { ...changeLog, processed: 'done' }, columns: { id: 'bigint', done: 'boolean' } },
        'warning',
      ],
    ] as const)
      expect((await check(settings, { description })).levels).toEqual([`${level} DB_KEY_NOT_UNIQUE`]);
  });

  test('the horizon is looked for where it is needed', async () => {
    const hidden = new BlockedError('DB_NO_HORIZON', 'GRANT pg_read_all_stats');
    const done = { columns: { id: 'bigint', done: 'boolean' } };
    for (const [settings, isNeeded] of [
      [{}, false],
      [CURSOR, true],
      [{ incremental: { cursor: 'at', lookback: '1 hour' } }, false],
      [{ changeLog: { id: 'id' } }, true],
      [{ ...done, changeLog: { id: 'id', processed: 'done' } }, false],
    ] as const) {
      const { levels, horizons } = await check(settings, { horizon: hidden });
      expect({ levels, horizons }).toEqual({
        levels: isNeeded ? ['error DB_NO_HORIZON'] : [],
        horizons: isNeeded ? 1 : 0,
      });
    }
  });

  test('a transaction that was forgotten is a warning with its beginning', async () => {
    expect((await check(CURSOR, { horizon: HOUR_MS - 1 })).levels).toEqual([]);
    const { levels, findings } = await check(CURSOR, { horizon: HOUR_MS });
    expect(levels).toEqual(['warning DB_HELD_BACK']);
    expect(findings[0]?.message).toContain('2025-12-31T23:00:00.000Z');
  });

  test('one row is read as a run would read it, but a large table is not sorted for that', async () => {
    const wide = { description: { warnings: [NO_INDEX] } };
    const small = { description: { warnings: [NO_INDEX], estimatedRows: 1_000_000 } };
    const at = (cursor: string | undefined) => ({
      from: cursor === undefined ? undefined : { cursor, key: undefined },
      until: undefined,
    });
    const start = { incremental: { cursor: 'at', initialValue: '2026-01-01' } };
    const query = { table: undefined, query: 'SELECT 1' };
    const done = {
      columns: { id: 'bigint', done: 'boolean' },
      changeLog: { id: 'id', processed: 'done' },
    };
    for (const [settings, table, expected] of [
      [{}, {}, {}],
      [CURSOR, {}, { cursor: at(undefined) }],
      [start, {}, { cursor: at('2026-01-01') }],
      [CURSOR, wide, {}],
      [CURSOR, small, { cursor: at(undefined) }],
      [{ ...CURSOR, ...query }, {}, {}],
      [done, {}, { unprocessed: true }],
    ] as const) {
      const { reads } = await check(settings, table);
      expect(reads).toEqual([{ ...expected, maxRows: 1, deadlineMs: expect.any(Number) as number }]);
    }
  });

  test('what runs would be stopped by is an error; a first row that takes long is not', async () => {
    for (const code of ['DB_TYPE_CHANGED', 'DB_NO_COLUMN', 'DB_CURSOR_NULL', 'DB_PERMISSION'])
      expect((await check(CURSOR, { read: new BlockedError(code, 'x') })).levels).toEqual([`error ${code}`]);
    const slow = new TransientError('DB_TIMEOUT', 'took too long');
    expect((await check(CURSOR, { read: slow })).levels).toEqual(['warning DB_TIMEOUT']);
  });

  test('all problems are found together, the same one once', async () => {
    const description = { warnings: [NO_INDEX, { code: 'DB_NO_MARK', message: 'may not set' } as const] };
    const { levels, findings } = await check(CURSOR, {
      description,
      horizon: new BlockedError('DB_NO_HORIZON', 'GRANT'),
      read: new BlockedError('DB_NO_COLUMN', 'gone'),
    });
    expect(levels).toEqual([
      'warning DB_CURSOR_NO_INDEX',
      'error DB_NO_MARK',
      'error DB_NO_HORIZON',
      'error DB_NO_COLUMN',
    ]);
    expect(findings[0]?.message).toBe(NO_INDEX.message);
    const lost = new TransientError('DB_UNREACHABLE', 'lost');
    expect((await check(CURSOR, { horizon: lost, read: lost })).levels).toEqual(['error DB_UNREACHABLE']);
  });
});
