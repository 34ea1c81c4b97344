import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { writeFrame } from '../../shared/domain/frame.ts';
import { landingLane } from '../../shared/domain/landing-frame.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import { createLandingReader } from '../../shared/pipeline/landing/create-landing-reader.ts';
import { LandingFrameBus } from '../../shared/pipeline/landing/landing-frame-bus.ts';
import { createManifestCache, type ManifestCache } from '../../shared/pipeline/landing/manifests.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { FrameWriter } from '../../shared/ports/landing-zone.ts';
import { declareSource, type Body, type Dedupe } from './declare-source.ts';
import { HARSH_RATES, STANDARD_RATES } from './faults.ts';
import type { Sabotage } from './mutant.ts';
import { START_MS } from './produce.ts';
import { Rng } from './rng.ts';
import { maxStepsOf, type RunOptions, type RunResult } from './run.ts';
import { findMiscount } from './find-miscount.ts';
import { Scheduler } from './scheduler.ts';
import { createSharedClock } from './shared-clock.ts';
import { SimulatedTables, type SimulatedRow } from './simulated-tables.ts';
import { createStores, storesOf, type MemoryStores } from './stores.ts';
import type { Problem, Zone } from './truth.ts';

const SOURCE = 'events';
const LANE = landingLane(SOURCE);
const MINUTE_MS = 60_000;
const RUN_MS = 900_000;
/** Little more than the engine keeps for a commit. */
const SHORT_RUN_MS = 5_600;
/** How far clocks may be from that of the zone. */
const MAX_SKEW_MS = 14 * MINUTE_MS;
/** Runs after which everything must be there, once nothing is pushed or fails any more. */
const FINAL_RUNS = 4;
const MAX_BATCH_BYTES = 150;

/** A frame that was acknowledged, or may have been stored. */
interface SentFrame {
  /** Attempts of one request have the same. */
  readonly requestId: string;
  readonly bodies: readonly Body[];
}

/** What is visible of one record in the lake. */
interface Visible {
  raw: number;
  quarantine: number;
}

/**
 * Runs the engine over the landing zone of one source: pushes whose clocks are wrong put frames there, some of them late
 * or twice; schedules fire twice, runs overlap, outlive their successors, die and lose answers; minutes or hours pass. A
 * seed gives the same run every time.
 */
export async function runLanding(seed: number, options: RunOptions): Promise<RunResult> {
  return new LandingRun(new Rng(seed), options).play();
}

class LandingRun {
  readonly #rng: Rng;
  readonly #sabotage: Sabotage;
  readonly #clock = new ManualClock({ startMs: START_MS });
  readonly #sharedClock: Clock;
  readonly #scheduler: Scheduler;
  readonly #stores: MemoryStores;
  readonly #tables = new SimulatedTables();
  readonly #telemetry = new MemoryTelemetry();
  readonly #source: Source<ReceivedSourceConfig>;
  readonly #dedupe: Dedupe;
  readonly #faults = {
    pushes: 0,
    frozenWriters: 0,
    createdAgain: 0,
    doubleFires: 0,
    overlaps: 0,
    slowRuns: 0,
  };
  /** Chance that a schedule fires twice; often where a mutant is to be found. */
  readonly #doubleFire: number;
  /** Frames that a push has begun to store, by origin. */
  readonly #sent = new Map<string, SentFrame>();
  /** Origins of those that were acknowledged. */
  readonly #durable = new Set<string>();
  /** By identity. */
  readonly #visible = new Map<string, Visible>();
  /** Rows of data files by what must land once: a key, a request, or a record. */
  readonly #groups = new Map<string, number>();
  /** Processes that are warm and at rest. */
  readonly #warm: ManifestCache[] = [];
  #problem: Problem | undefined;
  #requests = 0;
  #runs = 0;
  #tokens = 0;

  constructor(rng: Rng, options: RunOptions) {
    const { mutant, trace } = options;
    this.#rng = rng;
    this.#sabotage = mutant?.sabotage() ?? {};
    this.#doubleFire = mutant === undefined ? 0.25 : 0.6;
    this.#scheduler = new Scheduler({
      rng,
      clock: this.#clock,
      rates: rng.chance(0.3) ? HARSH_RATES : STANDARD_RATES,
      trace,
      maxSteps: maxStepsOf(options),
    });
    this.#sharedClock = createSharedClock(this.#clock, this.#scheduler, rng);
    this.#dedupe = rng.pick(['record', 'record', 'request', 'none'] as const);
    this.#source = declareSource(
      { name: SOURCE, dedupe: this.#dedupe, timeInKey: rng.chance(0.5) },
      'c1',
      'day',
    ) as Source<ReceivedSourceConfig>;
    this.#stores = createStores(this.#clock, this.#tables, {
      onObject: (key, before, after) => {
        const zone: Zone = key.startsWith('raw/') ? 'raw' : 'quarantine';
        if (before !== undefined) this.#see(zone, this.#tables.rowsOf(before.bytes), -1);
        this.#see(zone, this.#tables.rowsOf(after.bytes), 1);
      },
      onLedger: () => undefined,
    });
    this.#stores.zone.takesAnyTime = this.#sabotage.takesLateFrames === true;
  }

  async play(): Promise<RunResult> {
    const activity = this.#live();
    const settled =
      (await this.#scheduler.run(() => this.#problem !== undefined)) && (await this.#settle(activity));
    if (!settled) this.#fail('stuck', 'the runs do not come to an end');
    if (this.#problem === undefined) this.#checkEnd();
    return {
      problem: this.#problem,
      calls: this.#scheduler.calls,
      faults: { ...this.#scheduler.faults, ...this.#faults },
    };
  }

  /** Pushes and runs, while time passes. */
  async #live(): Promise<void> {
    const rng = this.#rng;
    const all: Promise<unknown>[] = [];
    for (let turns = 2 + rng.int(6); turns > 0; turns--) {
      const begun: Promise<unknown>[] = [];
      for (let pushes = rng.int(5); pushes > 0; pushes--) begun.push(this.#request());
      if (rng.chance(0.3)) await this.#scheduler.pauses(rng.int(30));
      begun.push(this.#run());
      if (rng.chance(this.#doubleFire)) {
        this.#faults.doubleFires++;
        begun.push(this.#run());
      }
      all.push(...begun);
      if (rng.chance(0.3)) {
        this.#faults.overlaps++;
        await this.#scheduler.pauses(rng.int(20));
      } else await Promise.all(begun);
      this.#clock.advance(rng.pick([0, 10_000, MINUTE_MS, 10 * MINUTE_MS, 40 * MINUTE_MS, 70 * MINUTE_MS]));
    }
    await Promise.all(all);
  }

  /** Nothing is pushed or fails any more. */
  async #settle(activity: Promise<void>): Promise<boolean> {
    if (this.#hasFailed()) return true;
    await activity;
    this.#scheduler.isFaulty = false;
    const runs = (async () => {
      let commits: number | undefined;
      for (let run = 0; run < FINAL_RUNS; run++) {
        // No frame is too new by any clock.
        this.#clock.advance(2 * MAX_SKEW_MS);
        commits = await this.#run();
      }
      if (commits !== 0) this.#fail('stuck', `a run that finds nothing new commits ${String(commits)} times`);
    })();
    if (!(await this.#scheduler.run(() => this.#problem !== undefined))) return false;
    if (!this.#hasFailed()) await runs;
    return true;
  }

  /* -------------------------------------------------------------------------------------------- pushes */

  /** A sender that repeats its request until it is acknowledged, and now and then once more. */
  async #request(): Promise<void> {
    const rng = this.#rng;
    const requestId = `q${String(this.#requests++)}`;
    const frames = Array.from({ length: 1 + rng.int(2) }, (_, part) => ({
      requestId: `${requestId}-${String(part)}`,
      bodies: Array.from({ length: 1 + rng.int(3) }, (_, at): Body => {
        const nature = rng.chance(0.15) ? 'violation' : 'valid';
        return { k: `${requestId}.${String(part)}.${String(at)}`, t: START_MS, p: 'a', n: nature };
      }),
    }));
    for (let attempt = 0; attempt < 4; attempt++) {
      this.#faults.pushes++;
      const isAcknowledged = await this.#push(frames);
      if (isAcknowledged && !rng.chance(0.2)) return;
    }
  }

  /** One attempt of a request: a process with a clock of its own. @returns whether it was acknowledged */
  async #push(frames: readonly SentFrame[]): Promise<boolean> {
    const rng = this.#rng;
    const process = this.#scheduler.process(
      `p${String(this.#tokens++)}`,
      rng.chance(0.1) ? 'slow' : 'normal',
    );
    const zone = storesOf(this.#stores, process).zone;
    const nowMs = this.#skewed(this.#sabotage.writersBehindMs ?? 0);
    const again: Parameters<FrameWriter['put']>[] = [];
    const writer: FrameWriter = {
      put: async (...call) => {
        const [, name] = call;
        const frame = frames[again.length];
        if (frame !== undefined) this.#sent.set(`${LANE}/${name}`, frame);
        again.push(call);
        if (this.#scheduler.isFaulty && rng.chance(0.03)) {
          // Between the name and the request the process sleeps.
          this.#faults.frozenWriters++;
          this.#clock.advance(rng.int(40) * MINUTE_MS);
          await this.#scheduler.pauses(1 + rng.int(10));
        }
        await zone.put(...call);
      },
    };
    const bus = new LandingFrameBus({
      frames: writer,
      source: SOURCE,
      clock: { ...this.#sharedClock, nowMs },
      newToken: () => String(this.#tokens++),
    });
    const { durable, places } = await bus
      .send(frames.map((frame) => ({ bytes: this.#encode(frame), partitionKey: 'one' })))
      .catch(() => ({ durable: [], places: [] }));
    for (const { position } of places)
      this.#durable.add(`${LANE}/${position.slice(position.lastIndexOf('/') + 1)}`);
    if (rng.chance(0.3)) for (const call of again) void this.#createAgain(call);
    return durable.length === frames.length;
  }

  /** A copy of a request arrives later than everybody thinks. */
  async #createAgain(call: Parameters<FrameWriter['put']>): Promise<void> {
    this.#faults.createdAgain++;
    await this.#scheduler.pauses(this.#rng.int(80), 'slow');
    await this.#stores.zone.put(call[0], call[1], call[2]).catch(() => undefined);
  }

  /** A clock that is wrong by as much as S3 tolerates. */
  #skewed(behindMs: number): () => number {
    const isWrong = this.#rng.chance(0.3);
    const skewMs = (isWrong ? this.#rng.int(2 * MAX_SKEW_MS) - MAX_SKEW_MS : 0) - behindMs;
    return () => this.#clock.nowMs() + skewMs;
  }

  #encode({ requestId, bodies }: SentFrame): Buffer {
    const records = bodies.map((body) => {
      const checked = this.#source.check(Buffer.from(JSON.stringify(body)), this.#clock.nowMs());
      if (checked.status === 'rejected') throw new Error('nothing is rejected here');
      return checked.record;
    });
    const header = { source: SOURCE, frameId: requestId, contractVersion: 'c1', receivedAtMs: START_MS };
    return writeFrame(header, records);
  }

  /* ---------------------------------------------------------------------------------------------- runs */

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
    const nowMs = this.#skewed(-(this.#sabotage.readersAheadMs ?? 0));
    const clock = { ...this.#sharedClock, nowMs };
    const runMs = this.#scheduler.isFaulty && rng.chance(0.2) ? SHORT_RUN_MS : RUN_MS;
    const manifestCache =
      (this.#sabotage.isAlwaysCold ? undefined : this.#warm.pop()) ?? createManifestCache();
    const { stage, ledger, claimLog, lake, zone } = stores;
    const sources = new Map<string, Source>([[SOURCE, this.#source]]);
    try {
      const reader = createLandingReader({
        source: this.#source,
        sources,
        zone,
        stage,
        manifestCache,
        clock,
        telemetry: this.#telemetry,
      });
      const { commits } = await runLane(
        {
          ledger,
          claimLog,
          lake,
          claimCache: createClaimCache(),
          tables: this.#tables,
          clock,
          telemetry: this.#telemetry,
          sources,
          configVersion: 'c1',
          newToken,
        },
        reader,
        {
          owner: process.name,
          deadlineMs: nowMs() + runMs,
          maxBatchBytes: MAX_BATCH_BYTES,
          yieldsToOthers: true,
        },
      );
      this.#scheduler.note(`${process.name} ends after ${String(commits)} commits`);
      this.#warm.push(manifestCache);
      return commits;
    } catch (error) {
      this.#scheduler.note(`${process.name} fails: ${String(error)}`);
      return undefined;
    }
  }

  /* --------------------------------------------------------------------------------------------- truth */

  #hasFailed(): boolean {
    return this.#problem !== undefined;
  }

  #fail(kind: Problem['kind'], what: string): void {
    this.#problem ??= { kind, what };
  }

  #see(zone: Zone, rows: readonly SimulatedRow[], sign: 1 | -1): void {
    for (const { id } of rows) {
      const visible = this.#visible.get(id) ?? { raw: 0, quarantine: 0 };
      visible[zone] += sign;
      this.#visible.set(id, visible);
      if (visible.raw + visible.quarantine > 1) this.#fail('duplicated', `${id} is visible twice`);
      const group = this.#groupOf(id);
      if (group === undefined) this.#fail('duplicated', `${id} is in the lake and was never sent`);
      else if (zone === 'raw') {
        const times = (this.#groups.get(group) ?? 0) + sign;
        this.#groups.set(group, times);
        if (times > 1) this.#fail('duplicated', `${group} landed ${String(times)} times, ${id} last`);
      }
    }
  }

  /** What a record is to the deduplication of its source: of one group one lands. Undefined for what nobody sent. */
  #groupOf(id: string): string | undefined {
    const origin = id.slice(0, id.lastIndexOf('/'));
    const index = Number(id.slice(origin.length + 1));
    const frame = this.#sent.get(origin);
    const body = frame?.bodies[index];
    if (frame === undefined || body === undefined) return undefined;
    switch (this.#dedupe) {
      case 'record':
        return body.k;
      case 'request':
        return `${frame.requestId}/${String(index)}`;
      case 'none':
        return id;
    }
  }

  /** What was acknowledged is there, or the same record is. */
  #checkEnd(): void {
    for (const origin of this.#durable) {
      this.#sent.get(origin)?.bodies.forEach(({ n }, index) => {
        const id = `${origin}/${String(index)}`;
        const { raw, quarantine } = this.#visible.get(id) ?? { raw: 0, quarantine: 0 };
        if (n === 'valid') {
          if (this.#groups.get(this.#groupOf(id) ?? '') !== 1) this.#fail('lost', `${id} is nowhere`);
          return;
        }
        if (raw > 0) this.#fail('duplicated', `the violation ${id} landed`);
        // Where requests are claimed as a whole, another attempt may have brought it.
        if (quarantine === 0 && this.#dedupe !== 'request')
          this.#fail('lost', `the violation ${id} is nowhere`);
      });
    }
    const left = this.#stores.zone.names(SOURCE).length;
    if (left > 0) this.#fail('stuck', `${String(left)} frames are never removed`);
    const miscount = findMiscount(this.#stores, this.#tables);
    if (miscount !== undefined) this.#fail('miscounted', miscount);
  }
}
