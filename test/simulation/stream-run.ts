import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { comparePositions, kinesisOrigin } from '../../shared/domain/identity.ts';
import { partitionNumber, partitionPath } from '../../shared/domain/object-key.ts';
import type { ParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache, type ClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { createLaneCache, runLane, type LandDeps } from '../../shared/pipeline/land.ts';
import type { StreamRecord } from '../../shared/domain/stream-batch.ts';
import type { LaneReader } from '../../shared/pipeline/lane.ts';
import { replayDelivery } from '../../shared/pipeline/replay/replay-delivery.ts';
import { replayQuarantine } from '../../shared/pipeline/replay/replay-quarantine.ts';
import { createStreamReader, type StreamReader } from '../../shared/pipeline/stream-reader.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { declareSource, type Body } from './declare-source.ts';
import type { Invocation, Sabotage } from './mutant.ts';
import { PHASE_MS, produce, START_MS, STREAM, type SentRecord, type Shard } from './produce.ts';
import { drawProfile, type Profile } from './profile.ts';
import { Rng } from './rng.ts';
import { maxStepsOf, type RunOptions, type RunResult } from './run.ts';
import { countName, findMiscount } from './find-miscount.ts';
import { createSharedClock } from './shared-clock.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedTables } from './simulated-tables.ts';
import { createStores, storesOf, type MemoryStores, type Stores } from './stores.ts';
import { Truth, type QuarantineReplay, type Zone } from './truth.ts';

/** Records of one delivery at most. */
const MAX_BATCH = 5;
/** Turns that the mapping waits for an invocation which outlives it. */
const PATIENCE = 14;
/** Invocations of the first configuration at most. */
const MAX_BEFORE_CHANGE = 25;
/** A hurried invocation has a little more than the reserve that the engine keeps for a commit. */
const HURRIED_MS = 5_000;
const HURRY_SPREAD_MS = 800;
/** How often the destination of a parked delivery gets it twice. */
const TWICE_PARKED = 0.2;
/** Turns until an operator begins at most. */
const BEFORE_REPLAY = 40;
/** After so many attempts of an operator nothing befalls the next ones: then they must succeed. */
const CALM_AFTER = 40;
const MAX_REPLAYS = 60;
/** Turns between two looks at the quarantine at most, and looks for each file that is replayed. */
const BETWEEN_LOOKS = 60;
const LOOKS = 6;
/** What an edit of a record can mend, or another contract. What a replay has put there is left alone. */
const MENDABLE = /reason=(CONTRACT|UNWRITABLE)\/dt=[\d-]+\/(?!replay-)/;
/** Deliveries that take longer than this are stuck. */
const MAX_DELIVERIES = 3_000;

/**
 * Runs the engine over one stream: producers repeat keys on any shard, shards are split and merged, an event-source
 * mapping per shard delivers at least once in changing cuts and parks what fails too often, operators replay it,
 * invocations crash at any call, outlive their time-out and lose answers. A seed gives the same run every time.
 */
export async function runStream(seed: number, options: RunOptions): Promise<RunResult> {
  const run = new StreamRun(new Rng(seed), options);
  return run.play();
}

/** What a warm process keeps between invocations. */
type Sandbox = Pick<LandDeps, 'claimCache' | 'laneCache'>;

const createSandbox = (): Sandbox => ({ claimCache: createClaimCache(), laneCache: createLaneCache() });

class StreamRun {
  readonly #rng: Rng;
  readonly #profile: Profile;
  readonly #sabotage: Sabotage;
  readonly #clock = new ManualClock({ startMs: START_MS });
  readonly #scheduler: Scheduler;
  readonly #sharedClock: Clock;
  readonly #stores: MemoryStores;
  readonly #tables = new SimulatedTables();
  readonly #telemetry = new MemoryTelemetry();
  readonly #truth: Truth;
  readonly #offered = new Map<string, number>();
  readonly #phases: readonly (readonly Shard[])[];
  readonly #contractChangesAt: number;
  readonly #partitionChangesAt: number;
  readonly #faults = {
    zombies: 0,
    bisections: 0,
    recuts: 0,
    partialAnswers: 0,
    parked: 0,
    redrives: 0,
    quarantineReplays: 0,
  };
  /** Sandboxes that are warm. */
  #sandboxes: Sandbox[] = [];
  /** Views are not taken out of it while they are in use: only for the mutant. */
  readonly #sharedCache: ClaimCache = Object.assign(createClaimCache(), { delete: () => false });
  #invocations = 0;
  #tokens = 0;
  #busy = 0;
  readonly #queue: (() => void)[] = [];
  readonly #operators: Promise<void>[] = [];
  /** Where records first stood that were put on the stream again. */
  readonly #firstOrigins = new Map<string, string>();
  #again = 0;
  /** Files of the quarantine that are replayed. */
  readonly #curated = new Map<string, QuarantineReplay>();

  constructor(rng: Rng, options: RunOptions) {
    const { mutant, trace } = options;
    this.#rng = rng;
    const drawn = drawProfile(rng);
    this.#profile = { ...drawn, ...mutant?.under?.(drawn) };
    this.#sabotage = mutant?.sabotage() ?? {};
    const profile = this.#profile;
    this.#contractChangesAt = profile.changesContract ? rng.int(MAX_BEFORE_CHANGE) : Infinity;
    this.#partitionChangesAt = profile.changesPartition ? rng.int(MAX_BEFORE_CHANGE) : Infinity;
    this.#scheduler = new Scheduler({
      rng,
      clock: this.#clock,
      rates: profile.rates,
      trace,
      maxSteps: maxStepsOf(options),
    });
    this.#sharedClock = createSharedClock(this.#clock, this.#scheduler, rng);
    const sent: SentRecord[] = [];
    this.#phases = Array.from({ length: profile.phases }, (_, phase) => {
      const produced = produce(rng, profile, phase);
      sent.push(...produced.sent);
      return produced.shards;
    });
    for (const { source, receivedAtMs } of sent) {
      const name = countName(source, receivedAtMs);
      this.#offered.set(name, (this.#offered.get(name) ?? 0) + 1);
    }
    this.#truth = new Truth({ sent, changesContract: profile.changesContract });
    this.#stores = createStores(this.#clock, this.#tables, {
      onObject: (key, before, after) => {
        const zone: Zone = key.startsWith('raw/') ? 'raw' : 'quarantine';
        if (before !== undefined) this.#truth.see(zone, this.#tables.rowsOf(before.bytes), -1);
        this.#truth.see(zone, this.#tables.rowsOf(after.bytes), 1);
      },
      onLedger: (lane) => {
        const shardId = shardOf(lane);
        const { position } = this.#stores.ledger.peek(lane);
        if (shardId !== undefined && position !== undefined) this.#truth.pass(shardId, position);
      },
    });
  }

  async play(): Promise<RunResult> {
    for (const [phase, shards] of this.#phases.entries()) {
      this.#warmUp(shards.length + 1);
      const finished = new Map<Shard, Promise<void>>();
      for (const shard of shards) {
        const parents = shard.parents.flatMap((parent) => finished.get(parent) ?? []);
        finished.set(shard, this.#consume(shard, parents));
      }
      const curator = this.#curate(partitionPath('day', partitionNumber('day', START_MS + phase * PHASE_MS)));
      if (!(await this.#scheduler.run(() => this.#truth.problem !== undefined))) {
        this.#truth.fail('stuck', 'the processes do not come to an end');
      }
      if (this.#truth.problem !== undefined) return this.#result();
      await Promise.all(finished.values());
      await curator;
      await Promise.all(this.#operators);
      // What was claimed so far may be forgotten now: none of its keys comes again.
      this.#clock.advance(PHASE_MS);
    }
    this.#checkRanges();
    this.#truth.checkEnd(this.#replayed());
    const miscount = findMiscount(this.#stores, this.#tables, this.#offered);
    if (miscount !== undefined) this.#truth.fail('miscounted', miscount);
    return this.#result();
  }

  #result(): RunResult {
    return {
      problem: this.#truth.problem,
      calls: this.#scheduler.calls,
      faults: { ...this.#scheduler.faults, ...this.#faults },
    };
  }

  /* ------------------------------------------------------------------------------------------- mapping */

  async #consume(shard: Shard, parents: readonly Promise<void>[]): Promise<void> {
    await Promise.all(parents);
    if (this.#sabotage.splitsShards !== true) return this.#deliverAll(shard, shard.records);
    const parts = [0, 1].map((part) => shard.records.filter((_, at) => at % 2 === part));
    await Promise.all(parts.map((records) => this.#deliverAll(shard, records)));
  }

  /** An event-source mapping: in order, at least once, in changing cuts, and parked after too many attempts. */
  async #deliverAll(shard: Shard, records: readonly StreamRecord[]): Promise<void> {
    const rng = this.#rng;
    const cut = (from: number): readonly StreamRecord[] => records.slice(from, from + 1 + rng.int(MAX_BATCH));
    let deliveries = 0;
    for (let at = 0; at < records.length;) {
      let batch = cut(at);
      for (let attempt = 1; ; attempt++) {
        if (++deliveries > MAX_DELIVERIES) {
          this.#truth.fail('stuck', `shard ${shard.id} does not advance`);
          return;
        }
        const done = await this.#deliver(shard, batch);
        if (done > 0) {
          if (done < batch.length) this.#faults.partialAnswers++;
          at += done;
          break;
        }
        if (attempt >= this.#profile.maxAttempts && !shard.isAgain) {
          this.#park(shard, batch);
          at += batch.length;
          break;
        }
        const dice = rng.int(3);
        if (dice === 0 && batch.length > 1) {
          this.#faults.bisections++;
          batch = batch.slice(0, Math.ceil(batch.length / 2));
        } else if (dice === 1) {
          this.#faults.recuts++;
          batch = cut(at);
        }
      }
    }
  }

  /** @returns how many records of the batch the mapping takes for done */
  async #deliver(shard: Shard, batch: readonly StreamRecord[]): Promise<number> {
    await this.#takeSlot();
    const answer = this.#invoke(`${shard.id} ${describe(batch)}`, (deps, invocation) =>
      this.#land(shard, batch, deps, invocation),
    );
    const done = this.#sabotage.acknowledgesEarly === true ? batch.length : await answer;
    this.#freeSlot();
    return done ?? 0;
  }

  /** What the function does. @returns how many records of the batch are durable */
  async #land(
    shard: Shard,
    batch: readonly StreamRecord[],
    deps: LandDeps,
    { number }: Invocation,
  ): Promise<number> {
    const createReader = (records: readonly StreamRecord[]): StreamReader =>
      this.#keepIdentity(
        createStreamReader(deps.sources, undefined, { stream: STREAM, shardId: shard.id, records }),
      );
    const reader: LaneReader =
      this.#sabotage.reader?.({ deps, records: batch, createReader }) ?? createReader(batch);
    const { maxBatchBytes } = this.#profile;
    const inSteps: LaneReader = {
      lane: reader.lane,
      read: (state, maxBytes) => reader.read(state, Math.min(maxBytes, maxBatchBytes)),
    };
    const { finished } = await runLane(deps, inSteps, {
      owner: String(number),
      deadlineMs: this.#deadlineMs(),
    });
    if (finished) return batch.length;
    const { position } = await deps.ledger.read(reader.lane);
    return batch.filter(
      ({ sequenceNumber }) => position !== undefined && comparePositions(sequenceNumber, position) <= 0,
    ).length;
  }

  #deadlineMs(): number {
    if (!this.#rng.chance(this.#profile.hurried)) return Number.MAX_SAFE_INTEGER;
    return this.#clock.nowMs() + HURRIED_MS + this.#rng.int(HURRY_SPREAD_MS);
  }

  #park(shard: Shard, batch: readonly StreamRecord[]): void {
    this.#scheduler.note(`${shard.id} ${describe(batch)} is parked`);
    this.#faults.parked++;
    this.#truth.park(shard.id, new Set(batch.map(({ sequenceNumber }) => sequenceNumber)));
    this.#sabotage.onPark?.(shard.id, batch, this.#clock.nowMs());
    const delivery: ParkedDelivery = {
      batch: { stream: STREAM, shardId: shard.id, records: batch },
      functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:stream',
      condition: 'RetryAttemptsExhausted',
      parkedAtMs: this.#clock.nowMs(),
    };
    // The destination gets it at least once.
    const documents = this.#rng.chance(TWICE_PARKED) ? 2 : 1;
    for (let operator = 0; operator < documents * this.#profile.operators; operator++) {
      this.#operators.push(this.#redrive(shard, delivery));
    }
  }

  /* ----------------------------------------------------------------------------------------- operators */

  /** An operator replays a parked delivery until it succeeds. */
  async #redrive(shard: Shard, delivery: ParkedDelivery): Promise<void> {
    await this.#scheduler.pauses(this.#rng.int(BEFORE_REPLAY));
    const { records } = delivery.batch;
    const { replay } = this.#sabotage;
    if (replay === 're-put' || replay === 're-put with identity') {
      await this.#putAgain(shard, records);
      return;
    }
    for (let attempt = 0; attempt < MAX_REPLAYS; attempt++) {
      this.#faults.redrives++;
      const finished = await this.#invoke(
        `replay of ${shard.id} ${describe(records)}`,
        async (deps, by) => {
          if (replay === 'high-water mark') {
            return (await this.#land(shard, records, deps, by)) === records.length;
          }
          const options = { owner: String(by.number), deadlineMs: this.#deadlineMs(), minAgeMs: 0 };
          return (await replayDelivery({ ...deps, sourceOfStream: {} }, delivery, options)).finished;
        },
        attempt >= CALM_AFTER,
      );
      if (finished === true) return;
    }
    this.#truth.fail('stuck', `the replay of ${shard.id} never succeeds`);
  }

  /**
   * Somebody looks at the quarantine now and then, and has files of it replayed.
   *
   * @param date of receipt, as it stands in the files' keys; what is older than the claims is left alone
   */
  async #curate(date: string): Promise<void> {
    const rng = this.#rng;
    const { quarantineReplays } = this.#profile;
    for (let look = 0; look < LOOKS * quarantineReplays && this.#curated.size < quarantineReplays; look++) {
      await this.#scheduler.pauses(rng.int(BETWEEN_LOOKS));
      const files = this.#stores.lake
        .list('quarantine/')
        .filter(
          ({ key, kind }) =>
            kind === 'data' && key.includes(date) && MENDABLE.test(key) && !this.#curated.has(key),
        );
      // Most dangerous are those whose announcement is pending: they may be withdrawn yet.
      const pending = files.filter(({ key, lane }) =>
        this.#stores.ledger.peek(lane).intent?.objects.some((object) => object.key === key),
      );
      if (pending.length === 0 && (files.length === 0 || rng.chance(0.7))) continue;
      const { key, bytes } = rng.pick(pending.length > 0 ? pending : files);
      const how = rng.chance(0.5) || key.includes('UNWRITABLE') ? 'edited' : 'by contract';
      this.#curated.set(key, how);
      for (const { id } of this.#tables.rowsOf(bytes)) this.#truth.replay(id);
      for (let operator = 0; operator < this.#profile.operators; operator++) {
        this.#operators.push(this.#replayFile(key, how, String(operator)));
      }
    }
  }

  async #replayFile(key: string, how: QuarantineReplay, operator: string): Promise<void> {
    await this.#scheduler.pauses(this.#rng.int(BEFORE_REPLAY));
    for (let attempt = 0; attempt < MAX_REPLAYS; attempt++) {
      this.#faults.quarantineReplays++;
      const finished = await this.#invoke(
        `replay of ${key}`,
        async (deps, { number }, stores) => {
          const { quarantine, stage } = stores;
          const replay = await replayQuarantine({ ...deps, quarantine, stage }, key, {
            owner: String(number),
            deadlineMs: this.#deadlineMs(),
            ...(how === 'edited' && { edit: (row) => mend(row, operator) }),
          });
          return replay.finished;
        },
        attempt >= CALM_AFTER,
      );
      if (finished === true) return;
    }
    this.#truth.fail('stuck', `the replay of ${key} never succeeds`);
  }

  /** Rows of files that were replayed, and were not withdrawn. */
  #replayed(): Map<string, QuarantineReplay> {
    const replayed = new Map<string, QuarantineReplay>();
    for (const [key, how] of this.#curated) {
      const object = this.#stores.lake.peek(key);
      if (object?.kind !== 'data') continue;
      for (const { id } of this.#tables.rowsOf(object.bytes)) replayed.set(id, how);
    }
    return replayed;
  }

  /** The wrong way: the records get new sequence numbers. */
  async #putAgain(shard: Shard, records: readonly StreamRecord[]): Promise<void> {
    const again: Shard = {
      id: `shardId-again${String(this.#again++)}`,
      parents: [],
      records: [],
      isAgain: true,
    };
    records.forEach((record, at) => {
      again.records.push({ ...record, sequenceNumber: String(1000 + at) });
      const origin = kinesisOrigin(STREAM, again.id, String(1000 + at));
      const first = kinesisOrigin(STREAM, shard.id, record.sequenceNumber);
      if (this.#sabotage.replay === 're-put with identity') this.#firstOrigins.set(origin, first);
      else this.#truth.alias(origin, first);
    });
    await this.#deliverAll(again, again.records);
  }

  /** What was put on the stream again keeps its first identity, where a mutant says so. */
  #keepIdentity(reader: StreamReader): StreamReader {
    if (this.#firstOrigins.size === 0) return reader;
    return {
      lane: reader.lane,
      read: async (state, maxBytes) => {
        const batch = await reader.read(state, maxBytes);
        return (
          batch && {
            ...batch,
            entries: batch.entries.map((entry) =>
              entry.kind === 'frame'
                ? { ...entry, origin: this.#firstOrigins.get(entry.origin) ?? entry.origin }
                : entry,
            ),
          }
        );
      },
    };
  }

  /* --------------------------------------------------------------------------------------- invocations */

  /**
   * One invocation of the function, as whoever called it sees it.
   *
   * @returns undefined when it failed, or was given up
   */
  async #invoke<Answer>(
    what: string,
    body: (deps: LandDeps, invocation: Invocation, stores: Stores) => Promise<Answer>,
    isCalm = false,
  ): Promise<Answer | undefined> {
    const rng = this.#rng;
    const number = this.#invocations++;
    const invocation: Invocation = { number, newToken: () => String(this.#tokens++) };
    const isZombie = !isCalm && rng.chance(this.#profile.zombie);
    const process = this.#scheduler.process(`i${String(number)}`, isZombie ? 'slow' : 'normal', isCalm);
    this.#scheduler.note(`i${String(number)} begins: ${what}${isZombie ? ', to be given up' : ''}`);
    const scheduled = storesOf(this.#stores, process);
    const stores = this.#sabotage.stores?.(scheduled, invocation) ?? scheduled;
    const ended = body(this.#depsOf(stores, invocation), invocation, stores).then(
      (answer) => {
        this.#scheduler.note(`i${String(number)} ends: ${String(answer)}`);
        return answer;
      },
      (error: unknown) => {
        this.#scheduler.note(`i${String(number)} fails: ${String(error)}`);
        return undefined;
      },
    );
    return isZombie ? Promise.race([ended, this.#loseNerve()]) : ended;
  }

  async #loseNerve(): Promise<undefined> {
    this.#faults.zombies++;
    await this.#scheduler.pauses(1 + this.#rng.int(PATIENCE));
    return undefined;
  }

  #depsOf({ ledger, claimLog, lake }: Stores, { number, newToken }: Invocation): LandDeps {
    const { maxClaims } = this.#profile;
    const version = number < this.#contractChangesAt ? 'c1' : 'c2';
    const partition = number < this.#partitionChangesAt ? 'day' : 'hour';
    return {
      ledger,
      claimLog,
      lake,
      ...this.#sandbox(),
      claimLimits: { perSlice: maxClaims, withoutTime: maxClaims, perEntry: 0 },
      tables: this.#tables,
      clock: this.#sharedClock,
      telemetry: this.#telemetry,
      sources: new Map<string, Source>(
        this.#profile.sources.map((shape) => [shape.name, declareSource(shape, version, partition)]),
      ),
      configVersion: `${version} ${partition}`,
      newToken,
    };
  }

  #warmUp(sandboxes: number): void {
    this.#sandboxes = Array.from({ length: sandboxes }, createSandbox);
  }

  #sandbox(): Sandbox {
    if (this.#sabotage.sharesViews === true) return { ...createSandbox(), claimCache: this.#sharedCache };
    if (this.#sabotage.forgetsClaims === true || this.#rng.chance(0.4)) return createSandbox();
    return this.#rng.pick(this.#sandboxes);
  }

  async #takeSlot(): Promise<void> {
    while (this.#busy >= this.#profile.consumers) {
      await new Promise<void>((go) => this.#queue.push(go));
    }
    this.#busy++;
  }

  #freeSlot(): void {
    this.#busy--;
    this.#queue.shift()?.();
  }

  /* -------------------------------------------------------------------------------------------- checks */

  /** Ranges of one lane never overlap: a replay relies on them. */
  #checkRanges(): void {
    for (const lane of this.#stores.ledger.lanes()) {
      const ranges = [...this.#stores.ledger.ranges(lane)].sort((a, b) => comparePositions(a.from, b.from));
      ranges.forEach(({ from, to }, at) => {
        const before = ranges[at - 1];
        if (comparePositions(from, to) > 0 || (before && comparePositions(before.to, from) >= 0)) {
          this.#truth.fail('lost', `ranges of ${lane} overlap at ${from}`);
        }
      });
    }
  }
}

/** The shard of a main lane. */
function shardOf(lane: string): string | undefined {
  const [kind, , shardId, ...rest] = lane.split('/');
  return kind === 'kinesis' && rest.length === 0 ? shardId : undefined;
}

const describe = (batch: readonly StreamRecord[]): string =>
  batch.map(({ sequenceNumber }) => sequenceNumber).join(',');

/** A payload that meets the contract, and that nobody else has. */
function mend({ id, raw }: QuarantineRow, operator: string): Buffer {
  const body = JSON.parse(Buffer.from(raw).toString()) as Body;
  return Buffer.from(JSON.stringify({ ...body, n: 'valid', p: `${id} by ${operator}` } satisfies Body));
}
