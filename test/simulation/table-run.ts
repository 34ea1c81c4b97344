import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import type { DatabaseSourceConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import { countOf, parseTablePosition } from '../../shared/domain/table-position.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { readSettled, runLane, type LandDeps } from '../../shared/pipeline/land.ts';
import { createTableReader } from '../../shared/pipeline/table/create-table-reader.ts';
import { MAX_HELD_BYTES } from '../../shared/pipeline/table/table-reader.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import { SimulatedDatabase, type CursorKind } from '../support/simulated-database.ts';
import { SimulatedTableSource } from '../support/simulated-table-source.ts';
import { HARSH_RATES, STANDARD_RATES } from './faults.ts';
import type { Sabotage, TableShape } from './mutant.ts';
import { Rng } from './rng.ts';
import { maxStepsOf, type RunOptions, type RunResult } from './run.ts';
import { Scheduler, type Process } from './scheduler.ts';
import { findMiscount } from './find-miscount.ts';
import { createSharedClock } from './shared-clock.ts';
import { createSimulatedRowKeys } from './simulated-row-keys.ts';
import { createSimulatedColumnTables } from './simulated-column-tables.ts';
import { SimulatedTables, type SimulatedRow } from './simulated-tables.ts';
import { createStores, storesOf, type MemoryStores, type Stores } from './stores.ts';
import type { Problem } from './truth.ts';

type DatabaseInput = Extract<HeadgateConfigInput['sources'][string], { type: 'postgres' }>;

/** Keys are compared once an hour, and whatever is gone is marked so. */
const DELETES = {
  changes: 'upserts-and-deletes',
  deletes: { reconcile: { every: '1 hour', holdBackAbove: { share: 1, rows: 1_000_000 } } },
} as const;
const RECONCILE_MS = 3_600_000;
/** Rows are counted at the source as often. */
const PROBE = { probe: { every: '10 minutes' } } as const;
const PROBE_MS = 600_000;
/** How far the clock of a process may be ahead, where times of rows and deletes are compared. */
const MAX_AHEAD_MS = 3_000;

const SHAPES: Readonly<
  Record<
    TableShape,
    { readonly cursor: CursorKind; readonly isLog: boolean; readonly settings: Partial<DatabaseInput> }
  >
> = {
  transaction: { cursor: 'transaction', isLog: false, settings: { incremental: { cursor: 'at' } } },
  statement: { cursor: 'statement', isLog: false, settings: { incremental: { cursor: 'at' } } },
  sequence: { cursor: 'sequence', isLog: true, settings: { incremental: { cursor: 'id' } } },
  lookback: {
    cursor: 'application',
    isLog: false,
    settings: { incremental: { cursor: 'at', lookback: '60 seconds' } },
  },
  log: { cursor: 'sequence', isLog: true, settings: { changeLog: { id: 'id' } } },
  processed: {
    cursor: 'sequence',
    isLog: true,
    settings: { changeLog: { id: 'id', processed: 'processed' } },
  },
  extract: { cursor: 'statement', isLog: false, settings: {} },
  reconciled: {
    cursor: 'transaction',
    isLog: false,
    // Runs with few commits show best what becomes of deletes beside them.
    settings: { incremental: { cursor: 'at' }, ...DELETES, probe: false },
  },
  'reconciled-lookback': {
    cursor: 'application',
    isLog: false,
    settings: { incremental: { cursor: 'at', lookback: '60 seconds' }, ...DELETES },
  },
};
const SHAPE_NAMES = Object.keys(SHAPES) as TableShape[];
const LATENESS_MS = 60_000;

const LANE = 'pull/rows';
const RUN_MS = 900_000;
/** Little more than the reader keeps for its commit. */
const SHORT_RUN_MS = 25_000;
const DATABASE_FAILURE = 0.02;
/** Runs after which everything must be there, once the database is at rest and nothing fails any more. */
const FINAL_RUNS = 5;
const BETWEEN_RUNS_MS = 5_000;
/** So many rows fill what is held of a split. */
const ROWS_HELD = 4;

const declared = new Map<TableShape, Source<DatabaseSourceConfig>>();

function declareTable(shape: TableShape): Source<DatabaseSourceConfig> {
  let source = declared.get(shape);
  if (source !== undefined) return source;
  const config = defineConfig({
    sources: {
      rows: {
        type: 'postgres',
        freshness: '1 second',
        volume: { gbPerDay: 1 },
        key: ['id'],
        partition: 'day',
        table: 'rows',
        columns: { id: 'bigint', at: 'timestamp', version: 'text', processed: 'boolean' },
        connection: { host: 'db', database: 'd', user: 'u', password: { parameter: '/p' } },
        ...PROBE,
        ...SHAPES[shape].settings,
      },
    },
  });
  source = compileSources(config, compileValidators(config)).get('rows') as Source<DatabaseSourceConfig>;
  declared.set(shape, source);
  return source;
}

/** One extract that is in the lake. */
interface LandedExtract {
  readonly number: number;
  readonly startedAtMs: number;
  readonly committedAtMs: number;
}

/**
 * Runs the engine over one table: transactions that commit late or never while it is read, schedules that fire twice,
 * runs that overlap, sleep past their lease, die and lose answers. A seed gives the same run every time.
 */
export async function runTable(seed: number, options: RunOptions): Promise<RunResult> {
  return new TableRun(new Rng(seed), options).play();
}

class TableRun {
  readonly #rng: Rng;
  readonly #sabotage: Sabotage;
  readonly #clock = new ManualClock();
  readonly #sharedClock: Clock;
  readonly #scheduler: Scheduler;
  readonly #stores: MemoryStores;
  readonly #tables = new SimulatedTables();
  readonly #telemetry = new MemoryTelemetry();
  readonly #shape: TableShape;
  readonly #source: Source<DatabaseSourceConfig>;
  readonly #database: SimulatedDatabase;
  readonly #faults = { doubleFires: 0, overlaps: 0, slowRuns: 0, withdrawals: 0 };
  readonly #doubleFire: number;
  readonly #batchRows: number;
  readonly #rowsPerSplit: number;
  readonly #maxBatchBytes: number;
  /** Rows that are visible in the lake: how often, by version; for extracts by extract and version. */
  readonly #visible = new Map<string, number>();
  readonly #extracts: LandedExtract[] = [];
  #problem: Problem | undefined;
  #isChanging = true;
  #runs = 0;
  #tokens = 0;

  constructor(rng: Rng, options: RunOptions) {
    const { mutant, trace } = options;
    this.#rng = rng;
    this.#sabotage = mutant?.sabotage() ?? {};
    const rates = mutant === undefined && rng.chance(0.3) ? HARSH_RATES : STANDARD_RATES;
    this.#scheduler = new Scheduler({ rng, clock: this.#clock, rates, trace, maxSteps: maxStepsOf(options) });
    this.#sharedClock = createSharedClock(this.#clock, this.#scheduler, rng);
    this.#doubleFire = mutant === undefined ? 0.25 : 0.6;
    this.#shape = rng.pick(mutant?.tables ?? SHAPE_NAMES);
    const { cursor, isLog } = SHAPES[this.#shape];
    this.#source = declareTable(this.#shape);
    this.#database = new SimulatedDatabase({
      rng,
      clock: this.#clock,
      cursor,
      isLog,
      latenessMs: LATENESS_MS,
      revives: this.#isReconciled,
    });
    this.#batchRows = 1 + rng.int(4);
    this.#rowsPerSplit = 2 + rng.int(6);
    this.#maxBatchBytes = rng.pick([1, 200, 1_000_000_000]);
    this.#stores = createStores(this.#clock, this.#tables, {
      onObject: (_key, before, after) => {
        if (before !== undefined) this.#see(this.#tables.rowsOf(before.bytes), -1);
        this.#see(this.#tables.rowsOf(after.bytes), 1);
      },
      onLedger: () => {
        this.#noteExtract();
        this.#checkCount();
      },
    });
  }

  async play(): Promise<RunResult> {
    const rng = this.#rng;
    for (let changes = rng.int(40); changes > 0; changes--) this.#database.change();
    const activity = this.#changeOn();
    const fires = this.#fireAll(2 + rng.int(5));
    const settled =
      (await this.#scheduler.run(() => this.#problem !== undefined)) && (await this.#settle(fires, activity));
    if (settled && this.#problem === undefined) this.#checkEnd();
    else this.#fail('stuck', 'the runs do not come to an end');
    return {
      problem: this.#problem,
      calls: this.#scheduler.calls,
      faults: { ...this.#scheduler.faults, ...this.#faults, ...this.#database.counts },
    };
  }

  /** The database goes on between any two steps of the runs. */
  async #changeOn(): Promise<void> {
    for (let changes = 40 + this.#rng.int(80); changes > 0 && this.#isChanging; changes--) {
      await this.#scheduler.pauses(1 + this.#rng.int(3));
      this.#database.change();
    }
  }

  async #fireAll(fires: number): Promise<void> {
    const rng = this.#rng;
    const runs: Promise<unknown>[] = [];
    for (let fire = 0; fire < fires; fire++) {
      if (this.#isReconciled && rng.chance(0.5)) this.#clock.advance(RECONCILE_MS);
      else if (!this.#isReconciled && rng.chance(0.3)) this.#clock.advance(PROBE_MS);
      const begun: Promise<unknown>[] = [this.#run()];
      if (rng.chance(this.#doubleFire)) {
        this.#faults.doubleFires++;
        begun.push(this.#run());
      }
      if (this.#shape === 'extract' && rng.chance(0.3)) {
        this.#faults.withdrawals++;
        begun.push(this.#withdraw());
      }
      runs.push(...begun);
      if (rng.chance(0.3)) {
        this.#faults.overlaps++;
        await this.#scheduler.pauses(rng.int(10));
      } else await Promise.all(begun);
    }
    await Promise.all(runs);
  }

  /** Nothing changes or fails any more. */
  async #settle(fires: Promise<void>, activity: Promise<void>): Promise<boolean> {
    if (this.#hasFailed()) return true;
    await fires;
    this.#isChanging = false;
    await activity;
    this.#database.settle();
    this.#scheduler.isFaulty = false;
    const runs = (async () => {
      let commits: number | undefined;
      for (let run = 0; run < FINAL_RUNS; run++) {
        this.#clock.advance(BETWEEN_RUNS_MS);
        // What was read is counted, and once more.
        if (run === 1 || run === 2) this.#clock.advance(PROBE_MS + MAX_AHEAD_MS);
        // Everything has been read; now all that is gone is to be found.
        if (run === 2 && this.#isReconciled) {
          this.#checkAlive('all');
          this.#clock.advance(RECONCILE_MS + MAX_AHEAD_MS);
        }
        commits = await this.#run();
      }
      const expected = this.#shape === 'extract' ? 1 : 0;
      if (commits !== expected) this.#fail('stuck', `a run at rest commits ${String(commits)} times`);
    })();
    if (!(await this.#scheduler.run(() => this.#problem !== undefined))) return false;
    if (!this.#hasFailed()) await runs;
    return true;
  }

  /** One scheduled run. @returns its commits; undefined when it failed */
  async #run(): Promise<number | undefined> {
    const rng = this.#rng;
    const number = this.#runs++;
    const isSlow = rng.chance(0.2);
    if (isSlow) this.#faults.slowRuns++;
    const process = this.#scheduler.process(`r${String(number)}`, isSlow ? 'slow' : 'normal');
    const newToken = (): string => String(this.#tokens++);
    const scheduled = storesOf(this.#stores, process);
    const stores = this.#sabotage.stores?.(scheduled, { number, newToken }) ?? scheduled;
    const runMs = this.#scheduler.isFaulty && rng.chance(0.2) ? SHORT_RUN_MS : RUN_MS;
    const deadlineMs = this.#clock.nowMs() + runMs;
    const { stage, files, ledger } = stores;
    const land = this.#toLand(stores, newToken);
    const rowBytes = this.#shape === 'extract' ? MAX_HELD_BYTES / ROWS_HELD : 50;
    const columns = createSimulatedColumnTables(this.#tables, rowBytes);
    const keys = createSimulatedRowKeys(this.#tables, this.#stores.lake, () => this.#databaseTurn());
    try {
      const reader = createTableReader({
        ...{ clock: land.clock, telemetry: land.telemetry, newToken },
        source: this.#source,
        table: this.#tableOf(process),
        columns: this.#sabotage.columns?.(columns) ?? columns,
        stage,
        files,
        ledger,
        keys: this.#sabotage.keys?.(keys) ?? keys,
        deadlineMs,
      });
      const { commits } = await runLane(land, reader, {
        ...{ owner: process.name, deadlineMs, maxBatchBytes: this.#maxBatchBytes },
      });
      this.#scheduler.note(`${process.name} ends after ${String(commits)} commits`);
      return commits;
    } catch (error) {
      this.#scheduler.note(`${process.name} fails: ${String(error)}`);
      return undefined;
    }
  }

  /** Of some processes the clock is ahead. */
  #clockOf(): Clock {
    const aheadMs = this.#isReconciled ? this.#rng.int(3) * (MAX_AHEAD_MS / 3) : 0;
    const shared = this.#sharedClock;
    return { nowMs: () => shared.nowMs() + aheadMs, sleep: (ms) => shared.sleep(ms) };
  }

  get #isReconciled(): boolean {
    return SHAPES[this.#shape].settings.deletes !== undefined;
  }

  /** Somebody who has no reader settles the lane, as before a checkpoint is moved: what is on its way is withdrawn. */
  async #withdraw(): Promise<void> {
    const process = this.#scheduler.process(`w${String(this.#runs++)}`, 'normal');
    const newToken = (): string => String(this.#tokens++);
    const land = this.#toLand(storesOf(this.#stores, process), newToken);
    try {
      await readSettled(land, LANE, { owner: process.name, deadlineMs: this.#clock.nowMs() + RUN_MS });
    } catch (error) {
      this.#scheduler.note(`${process.name} fails: ${String(error)}`);
    }
  }

  #toLand({ ledger, claimLog, lake }: Stores, newToken: () => string): LandDeps {
    return {
      ...{ ledger, claimLog, lake, newToken, clock: this.#clockOf(), telemetry: this.#telemetry },
      claimCache: createClaimCache(),
      tables: this.#tables,
      sources: new Map<string, Source>([[this.#source.name, this.#source]]),
      configVersion: 'c1',
    };
  }

  /** The database as one process reaches it. Marks may arrive late, twice, or unanswered. */
  #tableOf(process: Process): TableSource {
    const table = new SimulatedTableSource({
      database: this.#database,
      cursor: SHAPES[this.#shape].cursor,
      batchRows: this.#batchRows,
      rowsPerSplit: this.#rowsPerSplit,
      turn: () => this.#databaseTurn(),
      quirks: this.#sabotage.quirks,
    });
    const mark = table.markProcessed.bind(table);
    table.markProcessed = (ids) =>
      process.call({ port: 'database', operation: 'markProcessed', subject: ids.join(',') }, () => mark(ids));
    return table;
  }

  /** Others go on, and connections break. */
  async #databaseTurn(): Promise<void> {
    await this.#scheduler.pause();
    if (this.#scheduler.isFaulty && this.#rng.chance(DATABASE_FAILURE))
      throw new TransientError('FAULT', 'the connection is lost');
  }

  #hasFailed(): boolean {
    return this.#problem !== undefined;
  }

  #fail(kind: Problem['kind'], what: string): void {
    this.#problem ??= { kind, what };
  }

  #see(rows: readonly SimulatedRow[], sign: 1 | -1): void {
    for (const row of rows) {
      if (row.op === 'd') continue;
      const name = this.#nameOf(row);
      const times = (this.#visible.get(name) ?? 0) + sign;
      this.#visible.set(name, times);
      if (times > 1) this.#fail('duplicated', `version ${name} is visible ${String(times)} times`);
    }
  }

  #nameOf({ id, raw }: SimulatedRow): string {
    const { version } = JSON.parse(raw) as { version: string };
    return this.#shape === 'extract'
      ? nameInExtract(Number.parseInt(id.split('/')[3] ?? '', 10), Number(version))
      : version;
  }

  #noteExtract(): void {
    if (this.#shape !== 'extract') return;
    const { position } = this.#stores.ledger.peek(LANE);
    const last = parseTablePosition('rows', 'extract', position);
    if (last === undefined || this.#extracts.at(-1)?.number === last.number) return;
    this.#extracts.push({ ...last, committedAtMs: this.#clock.nowMs() });
  }

  /** Of no row it is said that it was passed over; and rows of a log, which stay, are as many as were read. */
  #checkCount(): void {
    if (this.#shape === 'extract') return;
    const last = countOf(this.#stores.ledger.peek(LANE).position)?.last;
    if (last === undefined) return;
    const { known, found, missing } = last;
    const isEven = SHAPES[this.#shape].isLog ? known === found : missing === 0;
    if (!isEven)
      this.#fail('lost', `${String(known)} rows were read, and the table is said to have ${String(found)}`);
  }

  #checkEnd(): void {
    if (SHAPES[this.#shape].isLog && this.#shape !== 'processed' && this.#database.history.length > 0) {
      const count = countOf(this.#stores.ledger.peek(LANE).position);
      if (count?.last === undefined) this.#fail('lost', 'the rows of the table were never counted');
    }
    if (this.#shape !== 'extract') {
      for (const { version } of this.#database.rows())
        if (this.#visible.get(String(version)) !== 1)
          this.#fail('lost', `version ${String(version)} is nowhere`);
      if (this.#isReconciled) this.#checkAlive('exactly');
      return;
    }
    for (const extract of this.#extracts) this.#checkExtract(extract);
    const last = this.#extracts.at(-1);
    if (last === undefined) this.#fail('lost', 'there is no extract');
    const miscount = findMiscount(this.#stores, this.#tables);
    if (miscount !== undefined) this.#fail('miscounted', miscount);
  }

  /**
   * Whoever takes the newest row of each key, and leaves out those that are deletes, has all rows of the table: none is
   * said to be gone that is there, and none twice. In the end, when all that is gone was looked for, he has no others.
   */
  #checkAlive(which: 'all' | 'exactly'): void {
    const ofKey = new Map<string, { readonly atMs: number; readonly isDelete: boolean }[]>();
    for (const { bytes } of this.#stores.lake.list('raw/')) {
      for (const { key, raw, receivedAtMs = 0, op } of this.#tables.rowsOf(bytes)) {
        const name = key ?? String((JSON.parse(raw) as { id: number }).id);
        const rows = ofKey.get(name) ?? [];
        rows.push({ atMs: receivedAtMs, isDelete: op === 'd' });
        ofKey.set(name, rows);
      }
    }
    const inTable = new Set(this.#database.rows().map(({ id }) => String(id)));
    for (const [key, rows] of ofKey) {
      rows.sort((a, b) => a.atMs - b.atMs || Number(a.isDelete) - Number(b.isDelete));
      if (rows.some(({ isDelete }, i) => isDelete && rows[i - 1]?.isDelete !== false))
        this.#fail('duplicated', `row ${key} is deleted twice, or was never there`);
      const isAlive = rows.at(-1)?.isDelete === false;
      if (isAlive && which === 'exactly' && !inTable.has(key))
        this.#fail('duplicated', `row ${key} is gone, and alive in the lake`);
      if (!isAlive && inTable.has(key)) this.#fail('lost', `row ${key} is there, and deleted in the lake`);
    }
  }

  /** Every row that stood for as long as the extract took is in it, and none that stood at no time meanwhile. */
  #checkExtract({ number, startedAtMs, committedAtMs }: LandedExtract): void {
    for (const { version, bornMs, diedMs = Infinity } of this.#database.history) {
      const isThere = (this.#visible.get(nameInExtract(number, version)) ?? 0) > 0;
      if (!isThere && bornMs < startedAtMs && diedMs > committedAtMs)
        this.#fail('lost', `version ${String(version)} is not in extract ${String(number)}`);
      if (isThere && (bornMs > committedAtMs || diedMs < startedAtMs))
        this.#fail(
          'duplicated',
          `version ${String(version)} is in extract ${String(number)}, which it cannot be`,
        );
    }
  }
}

const nameInExtract = (extract: number, version: number): string => `${String(extract)}/${String(version)}`;
