import { describe, expect, test } from 'vitest';
import { runCli, type CliDeps } from '../../../cli/run-cli.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryFindingStore } from '../../../shared/adapters/memory/memory-finding-store.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { formatBackfill } from '../../../shared/domain/backfill.ts';
import { formatPosition, START } from '../../../shared/domain/pull-position.ts';
import { formatTablePosition } from '../../../shared/domain/table-position.ts';
import { askBackfill } from '../../../shared/pipeline/backfill/ask-backfill.ts';
import type { PullControlState } from '../../../shared/ports/pull-control.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';

const common = { freshness: '1 hour', volume: { gbPerDay: 1 } };
const table = {
  ...common,
  type: 'postgres',
  key: ['id'],
  connection: { host: 'h', database: 'd', user: 'u', password: { parameter: '/p' } },
  table: 'items',
  columns: { id: 'bigint', at: 'timestamp' },
} as const;
const config = parseConfig({
  sources: {
    pages: {
      ...common,
      type: 'http',
      key: ['id', 'at'],
      contract: {
        schema: {
          type: 'object',
          properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
        },
      },
      url: 'https://api.example.com/pages',
      incremental: { cursor: 'at', parameter: 'since', initialValue: '2026-01-01T00:00:00Z' },
    },
    rows: { ...table, incremental: { cursor: 'at' } },
    late: { ...table, incremental: { cursor: 'at', lookback: '1 hour' } },
    whole: table,
    changing: { ...table, changes: 'upserts', incremental: { cursor: 'at' } },
    compared: {
      ...table,
      changes: 'upserts-and-deletes',
      incremental: { cursor: 'at' },
      deletes: { reconcile: { every: '1 hour' } },
    },
    orders: {
      ...common,
      type: 'push',
      key: ['id'],
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});
const BY = { column: 'at', type: 'timestamp', key: ['id'] };
const rowsAt = (cursor: string): string =>
  formatTablePosition({ v: 1, mode: 'cursor', by: BY, place: { cursor, key: ['17'] } });

class Console {
  readonly clock = new ManualClock();
  readonly control = new MemoryPullControlStore();
  readonly ledger = new MemoryLedgerStore();
  readonly findings = new MemoryFindingStore();
  readonly performed: PullWork[] = [];
  /** Sources whose alarms were switched, and whether on. */
  readonly told: string[] = [];
  areAlarmsDenied = false;
  readonly started: PullWork[] = [];
  /** What the person at the terminal answers; undefined when there is none. */
  answer: boolean | undefined;
  closed = 0;

  async run(
    ...args: string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const { answer } = this;
    const deps = {
      terminal: {
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        confirm:
          answer === undefined
            ? undefined
            : (question: string) => {
                err.push(question);
                return Promise.resolve(answer);
              },
      },
      clock: this.clock,
      loadConfig: () => Promise.resolve(config),
      who: 'ada@lab',
      openPull: () =>
        Promise.resolve({
          control: this.control,
          ledger: this.ledger,
          counts: this.ledger.counts,
          findings: this.findings,
          tellOfAlarms: (source: string, isTelling: boolean) => {
            this.told.push(`${source} ${String(isTelling)}`);
            return this.areAlarmsDenied ? Promise.reject(new Error('not allowed')) : Promise.resolve();
          },
          perform: (work: PullWork) => {
            this.performed.push(work);
            return Promise.resolve();
          },
          start: (work: PullWork) => {
            this.started.push(work);
            return Promise.resolve();
          },
          newToken: () => `token-${String(Math.random())}`,
          close: () => {
            this.closed++;
          },
        }),
    } as unknown as CliDeps;
    const code = await runCli(args, deps);
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  async write(source: string, change: Partial<PullControlState>): Promise<void> {
    const before = this.control.peek(source);
    await this.control.write(source, before.version, { ...before, ...change }, 'test');
  }

  async commit(source: string, to: string): Promise<void> {
    const lane = `pull/${source}`;
    const { version } = this.ledger.peek(lane);
    await this.ledger.commit(lane, version, { from: '', to, records: 1, keys: 0 }, `c${String(version)}`);
  }
}

const MINUTE_MS = 60_000;

describe('headgate pause and resume', () => {
  test('pause says who and why, and resume starts a run and forgets failures', async () => {
    const terminal = new Console();
    await terminal.write('rows', { failures: 7 });
    expect((await terminal.run('pause', 'rows', '--reason', 'the database moves')).code).toBe(0);
    expect(terminal.control.peek('rows').paused).toEqual({
      sinceMs: terminal.clock.nowMs(),
      by: 'operator',
      who: 'ada@lab',
      reason: 'the database moves',
    });
    const again = await terminal.run('pause', 'rows');
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('ada@lab: the database moves')]);
    expect((await terminal.run('resume', 'rows')).code).toBe(0);
    expect(terminal.control.peek('rows')).toMatchObject({ paused: undefined, failures: 0 });
    expect(terminal.started).toEqual([{ source: 'rows', task: 'run' }]);
    expect(terminal.closed).toBe(3);
  });

  test('resume goes on with a backfill that is on its way', async () => {
    const terminal = new Console();
    const request = { from: '2026-01-01', to: '2026-02-01', step: '1 day', parallel: 2 };
    const deps = { clock: terminal.clock, ledger: terminal.ledger, newToken: () => 'test' };
    const { number } = await askBackfill(deps, 'rows', request);
    await terminal.run('pause', 'rows');
    expect((await terminal.run('resume', 'rows')).code).toBe(0);
    expect(terminal.started).toEqual([
      { source: 'rows', task: 'run' },
      { source: 'rows', task: 'backfill', backfill: number },
    ]);
  });

  test('resume --accept-deletes says what was held back, asks, and has exactly that land', async () => {
    const terminal = new Console();
    const withInventory = formatTablePosition({ v: 1, mode: 'cursor', by: BY, keys: { begun: 7 } });
    expect(await terminal.run('resume', 'rows', '--accept-deletes', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('rows holds no deletes back') as string,
    });
    await terminal.commit('rows', withInventory);
    const reason = 'DELETES_HELD_BACK: 900 of 1000 rows would be marked as deleted';
    await terminal.write('rows', { paused: { sinceMs: 0, by: 'failures', who: undefined, reason } });
    expect((await terminal.run('resume', 'rows', '--accept-deletes')).code).toBe(2);
    terminal.answer = false;
    const refused = await terminal.run('resume', 'rows', '--accept-deletes');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('900 of 1000 rows')]);
    expect([terminal.performed, terminal.started]).toEqual([[], []]);
    terminal.answer = true;
    expect((await terminal.run('resume', 'rows', '--accept-deletes')).code).toBe(0);
    expect(terminal.performed).toEqual([{ source: 'rows', task: 'accept-deletes', inventory: 7 }]);
    expect(terminal.started).toEqual([{ source: 'rows', task: 'run' }]);
    expect(terminal.control.peek('rows').paused).toBeUndefined();
  });

  test('resume leaves a source alone that is not paused', async () => {
    const terminal = new Console();
    const { code, out } = await terminal.run('resume', 'rows', '--json');
    expect({ code, out: JSON.parse(out) as unknown }).toEqual({
      code: 0,
      out: { source: 'rows', paused: null, started: false },
    });
    expect(terminal.started).toEqual([]);
  });

  test.each([
    ['orders', 'has type push, which is not read on a schedule; sources that are: pages, rows, late, whole'],
    ['nope', 'is not declared in headgate.config.ts'],
  ])('%s is refused with what is allowed', async (source, message) => {
    for (const args of [['pause'], ['resume'], ['checkpoint', 'get'], ['checkpoint', 'reset']]) {
      const { code, err } = await new Console().run(...args, source);
      expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    }
  });
});

describe('the alarms of a source that is paused', () => {
  test('tell nobody until it is resumed', async () => {
    const terminal = new Console();
    await terminal.run('pause', 'rows');
    expect(terminal.told).toEqual(['rows false']);
    await terminal.run('resume', 'rows');
    expect(terminal.told).toEqual(['rows false', 'rows true']);
  });

  test('go on telling of one that has paused itself', async () => {
    const terminal = new Console();
    const paused = { sinceMs: 1, by: 'failures', who: undefined, reason: 'it failed' } as const;
    await terminal.write('rows', { paused });
    await terminal.run('pause', 'rows');
    expect(terminal.told).toEqual([]);
  });

  test('are no reason to fail: it is paused all the same, and it is said', async () => {
    const terminal = new Console();
    terminal.areAlarmsDenied = true;
    const { code, err } = await terminal.run('pause', 'rows');
    expect([code, err]).toEqual([0, expect.stringContaining('alarms of rows are not silenced: not allowed')]);
    expect(terminal.control.peek('rows').paused?.by).toBe('operator');
  });
});

describe('headgate status of any source', () => {
  const HOUR_MS = 3_600_000;
  const setUp = async (agoHours: number, landed: number) => {
    const terminal = new Console();
    const hour = Math.floor(terminal.clock.nowMs() / HOUR_MS) - agoHours;
    await terminal.ledger.counts.accept('orders', hour, 'p', 10);
    terminal.ledger.counts.settle([
      { source: 'orders', hour, landed, duplicates: 1, quarantined: 1, discarded: 0, extra: 0 },
    ]);
    return { terminal, hour };
  };

  test('what is accepted and not settled is in flight at first, and then missing, which is an error', async () => {
    const fresh = await setUp(0, 5);
    const { code, out } = await fresh.terminal.run('status', 'orders', '--json');
    const [status] = JSON.parse(out) as Record<string, unknown>[];
    expect([code, status]).toMatchObject([
      0,
      {
        source: 'orders',
        lane: 'landing',
        health: 'warn',
        counts: {
          accepted: 10,
          landed: 5,
          duplicates: 1,
          quarantined: 1,
          discarded: 0,
          inFlight: 3,
          missing: 0,
        },
      },
    ]);
    const old = await setUp(20, 5);
    const late = await old.terminal.run('status', 'orders', '--hours');
    expect(late.code).toBe(1);
    expect(late.out).toContain('3 records that were accepted are missing');
    expect(late.out).toContain(new Date(old.hour * HOUR_MS).toISOString().slice(0, 13).replace('T', ' '));
    expect((await old.terminal.run('status', 'orders', '--since', '2 hours')).code).toBe(0);
  });

  test('what is settled is no concern, and copies that settled as well are none either', async () => {
    for (const landed of [8, 12]) {
      const { terminal } = await setUp(20, landed);
      const { out } = await terminal.run('status', 'orders', '--json');
      expect(JSON.parse(out)).toMatchObject([{ counts: { inFlight: 0, missing: 0 } }]);
    }
  });

  test('what the watch has found is shown with its runbook, and critical findings are an error', async () => {
    const { terminal, hour } = await setUp(0, 8);
    const find = (kind: 'completeness' | 'volume-drop'): Promise<void> =>
      terminal.findings.save('orders', {
        checkedAtMs: terminal.clock.nowMs(),
        findings: [{ kind, hour, sinceHour: hour, amount: 1, message: 'something is odd' }],
      });
    await find('volume-drop');
    const warned = await terminal.run('status', 'orders');
    expect(warned.code).toBe(0);
    expect(warned.out).toContain('something is odd (docs/runbooks/volume-drop.md)');
    await find('completeness');
    expect((await terminal.run('status')).code).toBe(1);
  });

  test('all sources are shown, and one that is not declared is refused', async () => {
    const { terminal } = await setUp(0, 8);
    const { out } = await terminal.run('status', '--json');
    expect((JSON.parse(out) as { source: string }[]).map(({ source }) => source)).toEqual(
      Object.keys(config.sources),
    );
    const { code, err } = await terminal.run('status', 'nope');
    expect([code, err]).toEqual([2, expect.stringContaining('source nope is not declared')]);
    expect((await terminal.run('status', '--hours')).code).toBe(2);
  });
});

describe('headgate checkpoint get', () => {
  test('says where each way of reading is, for people and for programs', async () => {
    const terminal = new Console();
    await terminal.commit('rows', rowsAt('2026-03-01 10:00:00.123456+00'));
    const shown = await terminal.run('checkpoint', 'get', 'rows');
    expect(shown.out).toContain('rows: 2026-03-01 10:00:00.123456+00');
    expect(shown.out).toContain('last key: 17');
    await terminal.commit('pages', formatPosition({ ...START, cursor: '2026-02-02T00:00:00Z' }));
    const json = JSON.parse((await terminal.run('checkpoint', 'get', 'pages', '--json')).out) as object;
    expect(json).toMatchObject({ source: 'pages', checkpoint: '2026-02-02T00:00:00Z', commits: 1 });
    expect((await terminal.run('checkpoint', 'get', 'whole')).out).toContain('nothing was read yet');
  });
});

describe('headgate checkpoint set and reset', () => {
  async function paused(source: string): Promise<Console> {
    const terminal = new Console();
    terminal.answer = true;
    await terminal.commit(
      source,
      source === 'pages'
        ? formatPosition({ ...START, cursor: '2026-02-02T00:00:00Z' })
        : rowsAt('2026-03-01 10:00:00+00'),
    );
    await terminal.run('pause', source);
    terminal.clock.advance(15 * MINUTE_MS);
    return terminal;
  }

  test('a source that is not paused, or was a moment ago, is refused and says what to do', async () => {
    const terminal = new Console();
    const running = await terminal.run('checkpoint', 'reset', 'rows', '--yes');
    expect([running.code, running.err]).toEqual([1, expect.stringContaining('headgate pause rows')]);
    await terminal.run('pause', 'rows');
    terminal.clock.advance(4 * MINUTE_MS);
    const early = await terminal.run('checkpoint', 'reset', 'rows', '--yes');
    expect([early.code, early.err]).toEqual([1, expect.stringContaining('11 more minutes')]);
    expect(terminal.performed).toEqual([]);
    expect(terminal.ledger.peek('pull/rows').version).toBe(0);
  });

  test('what was decided lands before the checkpoint moves, and commits go on counting', async () => {
    const terminal = await paused('rows');
    const { code, err } = await terminal.run('checkpoint', 'set', 'rows', '2026-01-01 00:00:00+00');
    expect(code).toBe(0);
    expect(err).toContain('Everything from 2026-01-01 00:00:00+00 on is read again');
    expect(err).toContain('land AGAIN');
    expect(terminal.performed).toEqual([{ source: 'rows', task: 'settle' }]);
    expect(terminal.ledger.peek('pull/rows')).toMatchObject({
      commits: 2,
      position: formatTablePosition({
        v: 1,
        mode: 'cursor',
        by: BY,
        place: { cursor: '2026-01-01 00:00:00+00', key: undefined },
      }),
    });
  });

  test('moving forward says what is skipped; claimed records do not land again', async () => {
    const terminal = await paused('pages');
    const { err } = await terminal.run('checkpoint', 'set', 'pages', '2026-05-01T00:00:00Z');
    expect(err).toContain('SKIPPED: what lies between 2026-02-02T00:00:00Z and 2026-05-01T00:00:00Z');
    expect(terminal.ledger.peek('pull/pages').position).toBe(
      formatPosition({ ...START, since: '2026-05-01T00:00:00Z' }),
    );
    const back = await terminal.run('checkpoint', 'reset', 'pages');
    expect(back.err).toContain('from 2026-01-01T00:00:00Z on');
    expect(back.err).toContain('recognised by their key');
    expect(terminal.ledger.peek('pull/pages')).toMatchObject({ position: undefined, commits: 3 });
  });

  test('a backfill that is on its way is not overtaken by runs that go back', async () => {
    const terminal = await paused('pages');
    const before = terminal.ledger.peek('pull/pages');
    const deps = { clock: terminal.clock, ledger: terminal.ledger, newToken: () => 'test' };
    await askBackfill(deps, 'pages', { from: '1', to: '2', step: '1 day', parallel: 1 });
    const { code, err } = await terminal.run('checkpoint', 'reset', 'pages', '--yes');
    expect([code, err]).toEqual([1, expect.stringContaining('headgate backfill pages --cancel')]);
    expect(terminal.ledger.peek('pull/pages')).toEqual(before);
  });

  test('nothing changes without a yes', async () => {
    const terminal = await paused('rows');
    const before = terminal.ledger.peek('pull/rows');
    terminal.answer = false;
    expect((await terminal.run('checkpoint', 'reset', 'rows')).code).toBe(1);
    terminal.answer = undefined;
    expect((await terminal.run('checkpoint', 'reset', 'rows')).code).toBe(2);
    expect(terminal.ledger.peek('pull/rows')).toEqual(before);
  });

  test('a checkpoint that a run has moved meanwhile stays', async () => {
    const terminal = await paused('rows');
    const reposition = terminal.ledger.reposition.bind(terminal.ledger);
    terminal.ledger.reposition = async (...args) => {
      await terminal.commit('rows', rowsAt('2026-04-01 00:00:00+00'));
      return await reposition(...args);
    };
    const { code, err } = await terminal.run('checkpoint', 'reset', 'rows', '--yes');
    expect([code, err]).toEqual([1, expect.stringContaining('meanwhile')]);
    expect(terminal.ledger.peek('pull/rows').position).toBe(rowsAt('2026-04-01 00:00:00+00'));
  });

  test.each([
    ['rows', 'yesterday', 2, 'is no value of at, which is timestamp'],
    ['pages', 'yesterday', 2, 'must be a time'],
    ['whole', '5', 1, 'every run reads everything'],
  ])('%s cannot be set to %s', async (source, cursor, code, message) => {
    const terminal = await paused(source);
    const result = await terminal.run('checkpoint', 'set', source, cursor, '--yes');
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(message)]);
  });
});

describe('headgate status', () => {
  const run = (at: number, change: object = {}) => ({
    startedAtMs: at - 1_000,
    endedAtMs: at,
    landed: 12,
    duplicates: 3,
    quarantined: 0,
    finished: true,
    error: undefined,
    ...change,
  });
  const statusOf = async (terminal: Console, source: string): Promise<Record<string, unknown>> =>
    (JSON.parse((await terminal.run('status', source, '--json')).out) as Record<string, unknown>[])[0] ?? {};

  test('a source that is well says where it is, and how often it is read and why', async () => {
    const terminal = new Console();
    await terminal.commit('rows', rowsAt('2026-03-01 10:00:00+00'));
    await terminal.write('rows', {
      lastRun: run(terminal.clock.nowMs()),
      polling: { everyMinutes: 4, reason: 'the last run found records' },
    });
    terminal.clock.advance(MINUTE_MS);
    const { code, out } = await terminal.run('status', 'rows');
    expect(code).toBe(0);
    for (const text of [
      'ok',
      '2026-03-01 10:00:00+00',
      '60 s ago',
      'every 4 minutes: the last run found records',
    ])
      expect(out).toContain(text);
  });

  test.each([
    [
      'paused',
      { paused: { sinceMs: 0, by: 'failures', who: undefined, reason: 'DB_LOGIN: wrong password' } },
      'headgate resume rows',
    ],
    [
      'error',
      { lastRun: run(0, { error: { code: 'DB_NO_TABLE', message: 'no such table; create it' } }) },
      'DB_NO_TABLE: no such table; create it',
    ],
    ['warn', { lastRun: run(0, { quarantined: 2 }) }, '2 records of the last run went to quarantine'],
  ] as const)('%s is said with what to do', async (health, change, note) => {
    const terminal = new Console();
    const nowMs = terminal.clock.nowMs();
    const lastRun = 'lastRun' in change ? { ...change.lastRun, endedAtMs: nowMs } : run(nowMs);
    await terminal.write('rows', { ...change, lastRun });
    const status = await statusOf(terminal, 'rows');
    expect(status['health']).toBe(health);
    expect(JSON.stringify(status['notes'])).toContain(note);
    expect((await terminal.run('status')).code).toBe(health === 'warn' ? 0 : 1);
  });

  test('runs that do not come are said', async () => {
    const terminal = new Console();
    await terminal.write('rows', { lastRun: run(terminal.clock.nowMs()) });
    terminal.clock.advance(2 * 60 * MINUTE_MS);
    expect((await statusOf(terminal, 'rows'))['health']).toBe('ok');
    terminal.clock.advance(2 * 60 * MINUTE_MS);
    const status = await statusOf(terminal, 'rows');
    expect([status['health'], JSON.stringify(status['notes'])]).toEqual([
      'warn',
      expect.stringContaining('runs are missing'),
    ]);
  });

  test('a table whose rows change says how deletes are seen', async () => {
    const terminal = new Console();
    await terminal.write('changing', { lastRun: run(terminal.clock.nowMs()) });
    expect(await statusOf(terminal, 'changing')).toMatchObject({
      health: 'ok',
      deletes: 'unseen',
      notes: [expect.stringContaining('deletes are not seen by reading by cursor')],
    });
  });

  test('deletes that do not land are said, and the backfill that they wait for', async () => {
    const terminal = new Console();
    const startedAtMs = terminal.clock.nowMs();
    const keys = { begun: 9, done: { number: 3, startedAtMs, landedAtMs: startedAtMs } };
    await terminal.commit('compared', formatTablePosition({ v: 1, mode: 'cursor', by: BY, keys }));
    const healthAfter = async (minutes: number): Promise<unknown[]> => {
      terminal.clock.advance(minutes * MINUTE_MS);
      await terminal.write('compared', { lastRun: run(terminal.clock.nowMs()) });
      const { health, notes } = await statusOf(terminal, 'compared');
      return [health, JSON.stringify(notes)];
    };
    expect(await healthAfter(179)).toEqual(['ok', expect.not.stringContaining('backfill')]);
    const request = { from: '2026-01-01', to: '2026-02-01', step: '1 day', parallel: 2 };
    const deps = { clock: terminal.clock, ledger: terminal.ledger, newToken: () => 'test' };
    await askBackfill(deps, 'compared', request);
    const late = await healthAfter(1);
    expect(late).toEqual(['warn', expect.stringContaining('deletes have landed last as of')]);
    expect(late[1]).toContain('backfill 1 (2026-01-01 to 2026-02-01) has been on its way since');
    expect(late[1]).toContain('deletes wait for its end; see headgate backfill compared --status');
  });

  test('rows that were passed over are an error with the command that has them read, until a backfill has', async () => {
    const terminal = new Console();
    const nowMs = terminal.clock.nowMs();
    await terminal.write('rows', { lastRun: run(nowMs) });
    const place = { cursor: '2026-03-01 10:00:00+00', key: ['17'] };
    const missing = {
      ...{ rows: 4, atMs: nowMs - 5, from: '2026-03-01 08:00:00+00', to: '2026-03-01 09:00:00.001+00' },
    };
    const last = { atMs: nowMs - 5, known: 96, found: 100, missing: 4 };
    const count = { open: { from: place, rows: 0, sinceMs: nowMs }, last, missing };
    await terminal.commit('rows', formatTablePosition({ v: 1, mode: 'cursor', by: BY, place, count }));
    const status = await statusOf(terminal, 'rows');
    expect(status).toMatchObject({ health: 'error', probe: { state: 'missing', missing: 4 } });
    expect(JSON.stringify(status['notes'])).toContain(
      'headgate backfill rows --from \\"2026-03-01 08:00:00+00\\" --to \\"2026-03-01 09:00:00.001+00\\"',
    );
    expect((await terminal.run('status', 'rows')).code).toBe(1);
    const backfill = {
      ...({ v: 1, number: 1, status: 'done', parallel: 1, startedAtMs: nowMs } as const),
      asked: { from: missing.from, to: missing.to, step: '1 day' },
      plan: { from: missing.from, to: missing.to, windows: 1 },
    };
    const { version } = await terminal.ledger.read('backfill/rows');
    const commit = { from: '', to: formatBackfill(backfill), records: 0, keys: 0 };
    await terminal.ledger.commit('backfill/rows', version, commit, 'test');
    expect(await statusOf(terminal, 'rows')).toMatchObject({ health: 'ok', probe: { state: 'even' } });
  });

  test('a count that took too long is a warning, and fewer rows at the source are none', async () => {
    const terminal = new Console();
    const nowMs = terminal.clock.nowMs();
    await terminal.write('rows', { lastRun: run(nowMs) });
    const place = { cursor: '2026-03-01 10:00:00+00', key: ['17'] };
    const open = { from: place, rows: 0, sinceMs: nowMs };
    const probeAfter = async (last: object): Promise<Record<string, unknown>> => {
      const full = { atMs: nowMs, known: 0, found: 0, missing: 0, ...last };
      const count = { open, last: full };
      await terminal.commit('rows', formatTablePosition({ v: 1, mode: 'cursor', by: BY, place, count }));
      return statusOf(terminal, 'rows');
    };
    expect(await probeAfter({ problem: 'reading items took too long' })).toMatchObject({
      health: 'warn',
      probe: { state: 'failed', text: expect.stringContaining('items took too long') as string },
    });
    expect(await probeAfter({ known: 100, found: 98 })).toMatchObject({
      health: 'ok',
      probe: { state: 'even', text: expect.stringContaining('2 were deleted there since') as string },
    });
  });

  test.each([
    ['pages', 'an API does not say'],
    ['whole', 'rows are counted at the source every 1 hour; not yet'],
  ])('%s says whether it is probed', async (source, text) => {
    const terminal = new Console();
    await terminal.write(source, { lastRun: run(terminal.clock.nowMs()) });
    expect(await statusOf(terminal, source)).toMatchObject({
      probe: { text: expect.stringContaining(text) as string },
    });
  });

  test('a look-back without a horizon says what it cannot promise', async () => {
    const terminal = new Console();
    await terminal.write('late', { lastRun: run(terminal.clock.nowMs()) });
    const status = await statusOf(terminal, 'late');
    expect([status['health'], JSON.stringify(status['notes'])]).toEqual([
      'ok',
      expect.stringContaining('look-back of 1 hour'),
    ]);
  });

  test('a position that another declaration has left is an error, and a reset helps', async () => {
    const terminal = new Console();
    await terminal.write('rows', { lastRun: run(terminal.clock.nowMs()) });
    await terminal.commit('rows', formatTablePosition({ v: 1, mode: 'extract', number: 3, startedAtMs: 1 }));
    expect((await statusOf(terminal, 'rows'))['health']).toBe('error');
    await terminal.run('pause', 'rows');
    terminal.clock.advance(15 * MINUTE_MS);
    expect((await terminal.run('checkpoint', 'reset', 'rows', '--yes')).code).toBe(0);
    expect(terminal.ledger.peek('pull/rows').position).toBeUndefined();
  });
});
