import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { DuckDbColumnWriter } from '../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbLandedRows } from '../../shared/adapters/duckdb/duckdb-landed-rows.ts';
import { DuckDbRowKeys } from '../../shared/adapters/duckdb/duckdb-row-keys.ts';
import { DuckDbSession } from '../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFileStage } from '../../shared/adapters/memory/memory-file-stage.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import type { SourceCount } from '../../shared/domain/source-count.ts';
import { countOf } from '../../shared/domain/table-position.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { parseWindow, windowLane } from '../../shared/domain/backfill.ts';
import { createTableBackfill } from '../../shared/pipeline/backfill/table-backfill.ts';
import { runLane, type LandDeps } from '../../shared/pipeline/land.ts';
import type { CrashPoint, Probe } from '../../shared/pipeline/probe.ts';
import type { TableReaderDeps } from '../../shared/pipeline/table/table-reader.ts';
import { createTableReader } from '../../shared/pipeline/table/create-table-reader.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import { declareTable } from './declare-table.ts';
import { readWithHyparquet, type Row } from './read-parquet.ts';

const RUN_MS = 900_000;
/** Most deaths leave something behind. */
const CRASH_POINTS: readonly CrashPoint[] = [
  ...(['B.1', 'B.2', 'B.3', 'B.3', 'B.4', 'B.4', 'B.4', 'B.5', 'B.6'] as const),
  ...(['R.1', 'R.2', 'R.3'] as const),
];
/** Longer than what happens between two points: others find what is announced meanwhile. */
const MAX_PAUSE_MS = 120;

/** However slow the machine is. */
const MIN_CRASHES = 3;

const COUNTED: ReadonlySet<string> = new Set([
  'rows were counted at the source',
  'the source has rows that were passed over',
]);

class Crash extends Error {}

/**
 * Time that passes as it does, but nobody waits for it: who sleeps finds that the time has come, and so does everybody
 * else. An announcement that is waited for is past its lease at once, though its owner may be at work.
 */
class ImpatientClock implements Clock {
  #aheadMs = 0;

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }

  async sleep(ms: number): Promise<void> {
    this.#aheadMs += ms;
    await setImmediate();
  }
}

/**
 * A table of a real database, read by cursor by the pipeline's own reader, and landed as Parquet in a lake in memory: by
 * one process, or by several that run at the same time and die anywhere.
 */
export class LandedTable {
  readonly name: string;
  /** What happened to the runs. */
  readonly faults = { runs: 0, crashes: 0, overlaps: 0 };
  readonly #lake = new MemoryLake();
  readonly #ledger = new MemoryLedgerStore();
  readonly #clock = new ImpatientClock();
  readonly #session = new DuckDbSession();
  readonly #source: ReturnType<typeof declareTable>;
  readonly #claimLog = new MemoryClaimLog({ clock: this.#clock });
  readonly #stores = { stage: new MemoryBatchStage(), files: new MemoryFileStage() };
  readonly #files = {
    list: (prefix: string): Promise<string[]> =>
      Promise.resolve(this.#lake.list(prefix).map(({ key }) => key)),
    read: (key: string): Promise<Uint8Array | undefined> => Promise.resolve(this.#lake.peek(key)?.bytes),
  };
  readonly #keys = new DuckDbRowKeys(this.#session, this.#files, this.#clock);
  #backfills = 1;
  readonly #telemetry = new MemoryTelemetry();
  readonly #open: () => TableSource;
  readonly #opened: TableSource[] = [];
  readonly #random: () => number;
  #running = 0;
  #tokens = 0;

  /**
   * @param columns of the table; the key is `id`, and by the day of `happened` rows fall into files
   * @param open the table as one process reaches it
   */
  constructor(
    columns: Readonly<Record<string, string>>,
    {
      cursor,
      open,
      seed = 1,
      ...settings
    }: { cursor: string; open: () => TableSource; seed?: number } & Parameters<typeof declareTable>[1],
  ) {
    this.name = `Headgate, by ${cursor}`;
    this.#source = declareTable(columns, {
      key: ['id'],
      partition: 'day',
      eventTime: { path: 'happened' },
      incremental: { cursor },
      ...settings,
    });
    this.#open = open;
    this.#random = createSeededRandom(seed);
  }

  /** One undisturbed run. */
  async run(): Promise<void> {
    const table = this.#opened.at(0) ?? this.#open();
    if (this.#opened.length === 0) this.#opened.push(table);
    await this.#run(table);
  }

  /** Processes that run over and over, pause and die, until `isOver` and some have died. */
  async disturb(processes: number, isOver: () => boolean): Promise<void> {
    await Promise.all(
      Array.from({ length: processes }, async () => {
        const table = this.#open();
        this.#opened.push(table);
        while (!isOver() || this.faults.crashes < MIN_CRASHES) {
          await this.#run(table, this.#disturbance()).catch((error: unknown) => {
            if (!(error instanceof Crash)) throw error;
            this.faults.crashes++;
          });
          await sleep(this.#random() * 40);
        }
      }),
    );
  }

  /** Time that passes at once. */
  advance(ms: number): void {
    this.#clock.advance(ms);
  }

  /** All rows of the lake, as whoever queries it finds them. */
  async rows(): Promise<readonly Row[]> {
    const files = this.#lake.list('raw/').map(({ bytes }) => readWithHyparquet(bytes));
    return (await Promise.all(files)).flat();
  }

  /** How often each row is in the lake, by its id, as whoever queries the lake finds it. */
  async landed(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const { bytes } of this.#lake.list('raw/'))
      for (const { id } of await readWithHyparquet(bytes)) {
        if (typeof id !== 'bigint') throw new Error('ids are numbers');
        const text = String(id);
        found.set(text, (found.get(text) ?? 0) + 1);
      }
    return found;
  }

  /** What was counted at the source. */
  async count(): Promise<SourceCount | undefined> {
    return countOf((await this.#ledger.read(pullLane(this.#source.name))).position);
  }

  /** Rows that were said to be missing, and how often rows were counted. */
  get told(): { readonly missing: number; readonly counts: number } {
    const counts = this.#telemetry.logs.filter(({ message }) => COUNTED.has(message)).length;
    return { missing: this.#telemetry.total('MissingRecords', this.#source.name), counts };
  }

  /** Has a range of the cursor read again, as `headgate backfill` does, in one window. @returns rows that landed */
  async backfill(from: string, to: string): Promise<number> {
    const table = this.#open();
    this.#opened.push(table);
    const deadlineMs = this.#clock.nowMs() + RUN_MS;
    const mode = createTableBackfill({
      ...this.#readerDeps(),
      ...{ table, deadlineMs, landedRows: new DuckDbLandedRows(this.#session, this.#files, this.#clock) },
    });
    const { position } = await this.#ledger.read(pullLane(this.#source.name));
    const plan = mode.plan({ from, to, step: '30 days' }, position);
    const number = this.#backfills++;
    const lane = windowLane(this.#source.name, number, 0);
    const reader = mode.openReader({ lane, from: plan.from, until: plan.to });
    await runLane(this.#landDeps(), reader, { owner: `backfill-${String(number)}`, deadlineMs });
    return parseWindow(lane, (await this.#ledger.read(lane)).position).landed;
  }

  /** Files that were announced and are not in the lake. */
  get tombstones(): number {
    return this.#lake.list('raw/').filter(({ kind }) => kind === 'tombstone').length;
  }

  async close(): Promise<void> {
    await Promise.all([this.#session.close(), ...this.#opened.map((table) => table.close())]);
  }

  async #run(table: TableSource, probe?: Probe): Promise<void> {
    this.faults.runs++;
    if (this.#running++ > 0) this.faults.overlaps++;
    const deadlineMs = this.#clock.nowMs() + RUN_MS;
    try {
      const reader = createTableReader({ ...this.#readerDeps(), table, deadlineMs });
      await runLane({ ...this.#landDeps(), ...(probe !== undefined && { probe }) }, reader, {
        ...{ owner: `run-${String(this.faults.runs)}`, deadlineMs },
      });
    } finally {
      this.#running--;
    }
  }

  #readerDeps(): Omit<TableReaderDeps, 'table' | 'deadlineMs'> {
    return {
      ...this.#common(),
      ...this.#stores,
      ...{ source: this.#source, ledger: this.#ledger, keys: this.#keys },
      columns: new DuckDbColumnWriter(this.#session),
    };
  }

  #landDeps(): LandDeps {
    return {
      ...this.#common(),
      ...{ ledger: this.#ledger, lake: this.#lake, claimLog: this.#claimLog },
      claimCache: createClaimCache(),
      tables: new DuckDbTableWriter(this.#session),
      sources: new Map<string, Source>([[this.#source.name, this.#source]]),
      configVersion: 'c1',
    };
  }

  #common(): Pick<LandDeps, 'clock' | 'telemetry' | 'newToken'> {
    return {
      ...{ clock: this.#clock, telemetry: this.#telemetry },
      newToken: () => `t${String(this.#tokens++)}`,
    };
  }

  /** What happens to one run: it dies at most once, and may be slow anywhere. */
  #disturbance(): Probe {
    const crashAt =
      this.#random() < 0.7 ? CRASH_POINTS[Math.floor(this.#random() * CRASH_POINTS.length)] : undefined;
    return async (point) => {
      if (this.#random() < 0.2) await sleep(this.#random() * MAX_PAUSE_MS);
      if (point === crashAt) throw new Crash(point);
    };
  }
}
