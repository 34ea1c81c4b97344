import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { FilesSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { createFilesReader } from '../../shared/pipeline/files/create-files-reader.ts';
import type { LandedCache } from '../../shared/pipeline/files/landed-objects.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ObjectSource } from '../../shared/ports/object-source.ts';
import { declareFiles, type FilesSourceInput } from '../support/declare-files.ts';
import { HARSH_RATES, STANDARD_RATES } from './faults.ts';
import type { Sabotage } from './mutant.ts';
import { Rng } from './rng.ts';
import { maxStepsOf, type RunOptions, type RunResult } from './run.ts';
import { Scheduler, type Process } from './scheduler.ts';
import { findMiscount } from './find-miscount.ts';
import { createSharedClock } from './shared-clock.ts';
import { SimulatedBucket } from './simulated-bucket.ts';
import { SimulatedTables, type SimulatedRow } from './simulated-tables.ts';
import { createStores, storesOf, type MemoryStores } from './stores.ts';
import type { Problem, Zone } from './truth.ts';

const RUN_MS = 900_000;
/** Little more than the reader keeps for its commit. */
const SHORT_RUN_MS = 20_000;
/** Runs after which everything must be there, once the bucket has settled and nothing fails any more. */
const FINAL_RUNS = 4;
/** Larger objects are streamed, small ones are fetched ahead. */
const STREAMED_BYTES = 1_000_000;

const declared = new Map<string, Source<FilesSourceConfig>>();

function declare(options: Partial<FilesSourceInput>): Source<FilesSourceConfig> {
  const name = JSON.stringify(options);
  let source = declared.get(name);
  if (source === undefined) declared.set(name, (source = declareFiles(options)));
  return source;
}

/**
 * Runs the engine over one source of objects: a bucket that changes between any two requests, schedules and events that
 * fire twice, runs that overlap, sleep past their lease, die and lose answers. A seed gives the same run every time.
 */
export async function runFiles(seed: number, options: RunOptions): Promise<RunResult> {
  return new FilesRun(new Rng(seed), options).play();
}

class FilesRun {
  readonly #rng: Rng;
  readonly #sabotage: Sabotage;
  readonly #clock = new ManualClock();
  readonly #sharedClock: Clock;
  readonly #scheduler: Scheduler;
  readonly #stores: MemoryStores;
  readonly #tables = new SimulatedTables();
  readonly #telemetry = new MemoryTelemetry();
  readonly #source: Source<FilesSourceConfig>;
  readonly #bucket: SimulatedBucket;
  readonly #faults = { doubleFires: 0, overlaps: 0, slowRuns: 0, changes: 0 };
  /** What processes that are not at work remember of the objects that have landed. */
  readonly #warm: LandedCache[] = [];
  readonly #visible = new Map<number, Record<Zone, number>>();
  readonly #isStreamed: boolean;
  /** Chance of a change before each request of the bucket. */
  readonly #changeRate: number;
  readonly #doubleFire: number;
  readonly #fires: number;
  readonly #maxBatchBytes: number;
  #isChanging = true;
  #problem: Problem | undefined;
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
    this.#isStreamed = rng.chance(0.5);
    this.#changeRate = rng.pick([0.03, 0.03, 0.3]);
    // Some live so long that everything that has landed is written into one list, now and then.
    const isLong = rng.chance(mutant === undefined ? 0.25 : 0.6);
    this.#fires = isLong ? 12 + rng.int(12) : 1 + rng.int(6);
    this.#maxBatchBytes = isLong ? 1 : rng.pick([1, 60, 1_000]);
    const format = SimulatedBucket.drawFormat(rng);
    const hasKey = rng.chance(0.4);
    const lookbackObjects = 2 + rng.int(3);
    const isAscending = rng.chance(0.4);
    this.#source = declare({
      format: { type: format },
      ...(hasKey && { key: ['id'] }),
      ...(isAscending && { order: 'ascending', lookbackObjects }),
    });
    this.#bucket = new SimulatedBucket({
      ...{ rng, format, carriesRows: hasKey },
      ascending: isAscending ? { lookbackObjects } : undefined,
    });
    this.#stores = createStores(this.#clock, this.#tables, {
      onObject: (key, before, after) => {
        const zone: Zone = key.startsWith('raw/') ? 'raw' : 'quarantine';
        if (before !== undefined) this.#see(zone, this.#tables.rowsOf(before.bytes), -1);
        this.#see(zone, this.#tables.rowsOf(after.bytes), 1);
      },
      onLedger: () => undefined,
    });
  }

  async play(): Promise<RunResult> {
    const fires = this.#fireAll();
    const settled =
      (await this.#scheduler.run(() => this.#problem !== undefined)) && (await this.#settle(fires));
    if (settled && this.#problem === undefined) this.#checkEnd();
    else this.#fail('stuck', 'the runs do not come to an end');
    return {
      problem: this.#problem,
      calls: this.#scheduler.calls,
      faults: { ...this.#scheduler.faults, ...this.#faults },
    };
  }

  async #fireAll(): Promise<void> {
    const rng = this.#rng;
    const runs: Promise<unknown>[] = [];
    for (let fire = 0; fire < this.#fires; fire++) {
      for (let changes = rng.int(5); changes > 0; changes--) this.#change();
      const begun = [this.#run()];
      if (rng.chance(this.#doubleFire)) {
        this.#faults.doubleFires++;
        begun.push(this.#run());
      }
      runs.push(...begun);
      if (rng.chance(0.3)) {
        this.#faults.overlaps++;
        await this.#scheduler.pauses(rng.int(10));
      } else await Promise.all(begun);
    }
    await Promise.all(runs);
  }

  #change(): void {
    this.#faults.changes++;
    this.#bucket.change();
  }

  /** Nothing changes or fails any more. */
  async #settle(fires: Promise<void>): Promise<boolean> {
    if (this.#hasFailed()) return true;
    await fires;
    this.#isChanging = false;
    this.#scheduler.isFaulty = false;
    const runs = (async () => {
      let commits: number | undefined;
      for (let run = 0; run < FINAL_RUNS; run++) commits = await this.#run();
      if (commits !== 0)
        this.#fail('stuck', `a run that finds nothing new commits ${String(commits ?? 'not')} times`);
    })();
    if (!(await this.#scheduler.run(() => this.#problem !== undefined))) return false;
    if (!this.#hasFailed()) await runs;
    return true;
  }

  /** One run. @returns its commits; undefined when it failed */
  async #run(): Promise<number | undefined> {
    const rng = this.#rng;
    const number = this.#runs++;
    const isSlow = rng.chance(0.2);
    if (isSlow) this.#faults.slowRuns++;
    const process = this.#scheduler.process(`r${String(number)}`, isSlow ? 'slow' : 'normal');
    const newToken = (): string => String(this.#tokens++);
    const scheduled = storesOf(this.#stores, process);
    const stores = this.#sabotage.stores?.(scheduled, { number, newToken }) ?? scheduled;
    const objects = this.#objectsOf(process);
    const runMs = this.#scheduler.isFaulty && rng.chance(0.2) ? SHORT_RUN_MS : RUN_MS;
    const deadlineMs = this.#clock.nowMs() + runMs;
    const common = { clock: this.#sharedClock, telemetry: this.#telemetry };
    const { stage, ledger, claimLog, lake } = stores;
    const landedCache: LandedCache = this.#warm.pop() ?? new Map<never, never>();
    const reader = createFilesReader({
      ...common,
      source: this.#source,
      objects: this.#sabotage.objects?.(objects, { number, newToken }, this.#bucket) ?? objects,
      parquet: {
        read: () => {
          throw new Error('no Parquet here');
        },
      },
      ...{ stage, landedCache, deadlineMs },
    });
    try {
      const { commits } = await runLane(
        {
          ...common,
          ...{ ledger, claimLog, lake },
          claimCache: createClaimCache(),
          tables: this.#tables,
          sources: new Map<string, Source>([[this.#source.name, this.#source]]),
          configVersion: 'c1',
          newToken,
        },
        reader,
        { owner: process.name, deadlineMs, maxBatchBytes: this.#maxBatchBytes },
      );
      // Only a process that goes on living is used again.
      this.#warm.push(landedCache);
      this.#scheduler.note(`${process.name} ends after ${String(commits)} commits`);
      return commits;
    } catch (error) {
      this.#scheduler.note(`${process.name} fails: ${String(error)}`);
      return undefined;
    } finally {
      await reader.close();
    }
  }

  /** The bucket as one process reaches it. Connections break, objects change between two reads. */
  #objectsOf(process: Process): ObjectSource {
    const disturb = (): void => {
      if (this.#isChanging && this.#rng.chance(this.#changeRate)) this.#change();
    };
    return {
      list: async (after) => {
        disturb();
        const page = await process.call({ port: 'objects', operation: 'list', subject: after }, () =>
          this.#bucket.list(after),
        );
        if (!this.#isStreamed) return page;
        return { ...page, objects: page.objects.map((object) => ({ ...object, bytes: STREAMED_BYTES })) };
      },
      open: (object, offset) => this.#open(process, object, offset, disturb),
    };
  }

  async *#open(
    process: Process,
    object: Parameters<ObjectSource['open']>[0],
    offset: number,
    disturb: () => void,
  ): AsyncGenerator<Uint8Array> {
    for (let at = offset; ;) {
      disturb();
      const subject = `${object.name} at ${String(at)}`;
      const chunk = await process.call({ port: 'objects', operation: 'read', subject }, () =>
        this.#bucket.read(object, at),
      );
      if (chunk.length === 0) return;
      yield chunk;
      at += chunk.length;
    }
  }

  #hasFailed(): boolean {
    return this.#problem !== undefined;
  }

  #fail(kind: Problem['kind'], what: string): void {
    this.#problem ??= { kind, what };
  }

  #see(zone: Zone, rows: readonly SimulatedRow[], sign: 1 | -1): void {
    for (const { raw, reason } of rows) {
      // It tells of rows that are missing, and is none.
      if (reason === 'UNREADABLE_OBJECT') continue;
      const id = idOf(raw);
      const times = this.#visible.get(id) ?? { raw: 0, quarantine: 0 };
      times[zone] += sign;
      this.#visible.set(id, times);
      if (times.raw + times.quarantine > 1)
        this.#fail(
          'duplicated',
          `row ${String(id)} is visible ${String(times.raw + times.quarantine)} times`,
        );
    }
  }

  #checkEnd(): void {
    for (const [name, rows] of this.#bucket.present()) {
      for (const { id, isBad } of rows) {
        const { raw, quarantine } = this.#visible.get(id) ?? { raw: 0, quarantine: 0 };
        if ((isBad ? quarantine : raw) === 1) continue;
        this.#fail(
          raw + quarantine === 0 ? 'lost' : 'duplicated',
          `row ${String(id)} of ${name} is not where it belongs`,
        );
      }
    }
    const miscount = findMiscount(this.#stores, this.#tables);
    if (miscount !== undefined) this.#fail('miscounted', miscount);
  }
}

function idOf(raw: string): number {
  const { id } = JSON.parse(raw) as { id: number | string };
  return Number(String(id).replace('x', ''));
}
