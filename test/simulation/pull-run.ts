import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { HttpSourceConfig } from '../../shared/config/schema.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import { parsePosition } from '../../shared/domain/pull-position.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import { declareHttp, type HttpSourceInput } from '../support/declare-http.ts';
import { MutatingApi, type ApiItem, type MutatingApiOptions } from '../support/mutating-api.ts';
import { HARSH_RATES, STANDARD_RATES } from './faults.ts';
import type { Sabotage } from './mutant.ts';
import { Rng } from './rng.ts';
import { maxStepsOf, type RunOptions, type RunResult } from './run.ts';
import { findMiscount } from './find-miscount.ts';
import { Scheduler } from './scheduler.ts';
import { createSharedClock } from './shared-clock.ts';
import { SimulatedTables, type SimulatedRow } from './simulated-tables.ts';
import { createStores, storesOf, type MemoryStores } from './stores.ts';
import type { Problem, Zone } from './truth.ts';

/** How an API lists, and what the source declares about it. */
interface Shape extends Pick<MutatingApiOptions, 'sort' | 'tokens'> {
  readonly order: 'ascending' | 'unknown' | 'full';
}

const SHAPES: readonly Shape[] = [
  { order: 'ascending', sort: 'ts', tokens: 'positions' },
  { order: 'ascending', sort: 'ts', tokens: 'anchors' },
  { order: 'unknown', sort: 'ts-descending', tokens: 'positions' },
  { order: 'unknown', sort: 'id', tokens: 'anchors' },
  { order: 'full', sort: 'id', tokens: 'positions' },
  { order: 'full', sort: 'ts', tokens: 'anchors' },
];
const LANE = 'pull/items';
const RUN_MS = 900_000;
/** Little more than the reader keeps for its commit. */
const SHORT_RUN_MS = 20_000;
const API_FAILURE = 0.03;
/** Runs after which everything must be there, once the API has settled and nothing fails any more. */
const FINAL_RUNS = 4;

const declared = new Map<string, Source<HttpSourceConfig>>();

function declarePull(options: Partial<HttpSourceInput>): Source<HttpSourceConfig> {
  const name = JSON.stringify(options);
  let source = declared.get(name);
  if (source === undefined) declared.set(name, (source = declareHttp(options)));
  return source;
}

/**
 * Runs the engine over one pulled source: an API that changes between any two requests, schedules that fire twice, runs
 * that overlap, sleep past their lease, die and lose answers. A seed gives the same run every time.
 */
export async function runPull(seed: number, options: RunOptions): Promise<RunResult> {
  return new PullRun(new Rng(seed), options).play();
}

class PullRun {
  readonly #rng: Rng;
  readonly #sabotage: Sabotage;
  readonly #clock = new ManualClock();
  readonly #sharedClock: Clock;
  readonly #scheduler: Scheduler;
  readonly #stores: MemoryStores;
  readonly #tables = new SimulatedTables();
  readonly #telemetry = new MemoryTelemetry();
  readonly #source: Source<HttpSourceConfig>;
  readonly #api: MutatingApi;
  readonly #faults = { doubleFires: 0, overlaps: 0, slowRuns: 0 };
  /** Chance that a schedule fires twice; often where a mutant is to be found. */
  readonly #doubleFire: number;
  readonly #visible = new Map<string, Record<Zone, number>>();
  #problem: Problem | undefined;
  #cursor = 0;
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
    const shape = rng.pick(SHAPES);
    const latenessSeconds = rng.pick([0, 0, 5]);
    this.#source = declarePull({
      pagesPerCommit: 1 + rng.int(3),
      ...(shape.order !== 'full' && {
        incremental: {
          cursor: 'ts',
          parameter: 'since',
          initialValue: '0',
          lookback: `${String(latenessSeconds)} seconds`,
          order: shape.order,
        },
      }),
    });
    this.#api = new MutatingApi({
      rng,
      clock: this.#clock,
      pageSize: 1 + rng.int(5),
      latenessMs: latenessSeconds * 1000,
      ...shape,
    });
    this.#stores = createStores(this.#clock, this.#tables, {
      onObject: (key, before, after) => {
        const zone: Zone = key.startsWith('raw/') ? 'raw' : 'quarantine';
        if (before !== undefined) this.#see(zone, this.#tables.rowsOf(before.bytes), -1);
        this.#see(zone, this.#tables.rowsOf(after.bytes), 1);
      },
      onLedger: () => {
        this.#checkCursor();
      },
    });
  }

  async play(): Promise<RunResult> {
    const rng = this.#rng;
    for (let changes = rng.int(60); changes > 0; changes--) this.#api.change();
    const fires = this.#fireAll(1 + rng.int(6));
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

  async #fireAll(fires: number): Promise<void> {
    const rng = this.#rng;
    const runs: Promise<unknown>[] = [];
    for (let fire = 0; fire < fires; fire++) {
      for (let changes = rng.int(6); changes > 0; changes--) this.#api.change();
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

  /** Nothing changes or fails any more. */
  async #settle(fires: Promise<void>): Promise<boolean> {
    if (this.#hasFailed()) return true;
    await fires;
    this.#api.isChanging = false;
    this.#scheduler.isFaulty = false;
    const runs = (async () => {
      let commits: number | undefined;
      for (let run = 0; run < FINAL_RUNS; run++) commits = await this.#run();
      if (commits !== 0) this.#fail('stuck', `a run that finds nothing new commits ${String(commits)} times`);
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
    const common = { clock: this.#sharedClock, telemetry: this.#telemetry };
    const { stage, ledger, claimLog, lake } = stores;
    try {
      const reader = createPullReader({
        ...common,
        source: this.#source,
        pages: this.#pages(),
        stage,
        deadlineMs,
      });
      const { commits } = await runLane(
        {
          ...common,
          ledger,
          claimLog,
          lake,
          claimCache: createClaimCache(),
          tables: this.#tables,
          sources: new Map<string, Source>([[this.#source.name, this.#source]]),
          configVersion: 'c1',
          newToken,
        },
        reader,
        { owner: process.name, deadlineMs },
      );
      this.#scheduler.note(`${process.name} ends after ${String(commits)} commits`);
      return commits;
    } catch (error) {
      this.#scheduler.note(`${process.name} fails: ${String(error)}`);
      return undefined;
    }
  }

  #pages(): PullSource {
    return {
      fetchPage: async (request) => {
        await this.#scheduler.pause();
        if (this.#scheduler.isFaulty && this.#rng.chance(API_FAILURE)) {
          throw new TransientError('FAULT', 'the API does not answer');
        }
        return this.#api.fetchPage(request);
      },
    };
  }

  #hasFailed(): boolean {
    return this.#problem !== undefined;
  }

  #fail(kind: Problem['kind'], what: string): void {
    this.#problem ??= { kind, what };
  }

  #see(zone: Zone, rows: readonly SimulatedRow[], sign: 1 | -1): void {
    for (const { raw } of rows) {
      const version = versionOf(raw);
      const times = this.#visible.get(version) ?? { raw: 0, quarantine: 0 };
      times[zone] += sign;
      this.#visible.set(version, times);
      if (times.raw + times.quarantine > 1) {
        this.#fail(
          'duplicated',
          `version ${version} is visible ${String(times.raw + times.quarantine)} times`,
        );
      }
    }
  }

  #checkCursor(): void {
    const { cursor } = parsePosition('items', this.#stores.ledger.peek(LANE).position);
    const now = Number(cursor ?? 0);
    if (now < this.#cursor)
      this.#fail('lost', `the cursor goes back from ${String(this.#cursor)} to ${String(now)}`);
    this.#cursor = now;
  }

  #checkEnd(): void {
    for (const item of this.#api.items()) {
      const version = versionOf(JSON.stringify(item));
      const { raw, quarantine } = this.#visible.get(version) ?? { raw: 0, quarantine: 0 };
      const isValid = typeof item.body === 'string';
      if ((isValid ? raw : quarantine) === 1) continue;
      this.#fail(
        raw + quarantine === 0 ? 'lost' : 'duplicated',
        `version ${version} is not where it belongs`,
      );
    }
    const miscount = findMiscount(this.#stores, this.#tables);
    if (miscount !== undefined) this.#fail('miscounted', miscount);
  }
}

function versionOf(raw: string): string {
  const { id, version } = JSON.parse(raw) as ApiItem;
  return `${String(id)}/${String(version)}`;
}
