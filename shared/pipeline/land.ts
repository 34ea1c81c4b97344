import { LRUCache } from 'lru-cache';
import { Verdict } from '../domain/claims.ts';
import { TransientError } from '../domain/errors.ts';
import { forEachLimited } from '../domain/for-each-limited.ts';
import { partitionPath, quarantineKey, rawKey } from '../domain/object-key.ts';
import { hasEdge, hourOf, SettledTally, type SettledHour } from '../domain/record-counts.ts';
import { RecordFlag, type Frame } from '../domain/frame.ts';
import { isSequenceNumber } from '../domain/identity.ts';
import { isSampled } from '../domain/is-sampled.ts';
import type { QuarantineReason } from '../domain/quarantine.ts';
import type { Source } from '../domain/source.ts';
import type { Lake, LakeObject } from '../ports/lake.ts';
import {
  MAX_SETTLED_HOURS,
  type Intent,
  type IntentObject,
  type LedgerState,
  type LedgerStore,
} from '../ports/ledger-store.ts';
import type { FrameSlice, TableWriter } from '../ports/table-writer.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Budgets } from './budget/create-budgets.ts';
import { claimBatch, type ClaimBatchDeps, type Verdicts } from './claim-batch.ts';
import type { LaneBatch, LaneReader } from './lane.ts';
import { groupQuarantine, planBatch, quarantineRow, type BatchPlan } from './plan-batch.ts';
import { probeNothing } from './probe.ts';

/*
 * The engine: records of a lane → claims → Parquet files → commit.
 *
 * What it guarantees, under crashes, lost responses, redelivery in other cuts and any number of invocations that work
 * on one lane at the same time:
 * - no record is visible in two data files;
 * - when `runLane` returns, every record that its reader offered is in exactly one file, or is a counted duplicate;
 * - the lane's position never passes a record that is not durable.
 *
 * How: (1) read the ledger; (2) resolve somebody's pending intent first; (3) skip what is committed; (4) claim keys and
 * build the files in memory; (5) announce the files' keys, compare-and-set; the keys contain the announcement's
 * version; (6) create each object unless its key is taken: by our own data (go on) or by a tombstone (somebody
 * resolved our intent: start again); (7) commit, compare-and-set.
 *
 * Whoever finds a pending intent puts a tombstone at each of its keys unless one is taken. If all were taken by data,
 * the intent is committed on its owner's behalf; otherwise its data is withdrawn (overwritten by tombstones) *before*
 * the intent is removed. So a key is decided once, and safety needs no clock; the lease only keeps writers from
 * getting in each other's way.
 *
 * Where the announced files can be had again, byte by byte (`LaneReader.announced`), whoever finds the intent goes on
 * with steps 6 and 7 in its owner's place. Any number of them may: they put the same bytes at the same keys.
 */

export interface LandDeps extends ClaimBatchDeps {
  readonly ledger: LedgerStore;
  /**
   * Where a process keeps what it knows of lanes from one run to the next. Only for lanes whose records and their
   * identities do not depend on the state: a run whose knowledge is old claims before it is refused.
   */
  readonly laneCache?: LaneCache;
  readonly lake: Lake;
  readonly tables: TableWriter;
  readonly telemetry: Telemetry;
  /** Share of commits that get a line of the log, from 0 to 1; all of them where it is absent. */
  readonly logShare?: number;
  /** The monthly budgets of sources; absent where nobody watches them. */
  readonly budgets?: Budgets;
  readonly sources: ReadonlyMap<string, Source>;
  /** Version of the configuration, pinned in intents. */
  readonly configVersion: string;
}

/**
 * What a process knows of lanes from its own last commits. If somebody has changed a lane since, the first write of the
 * next run is a conflict, and the ledger is read then.
 */
export type LaneCache = LRUCache<string, LedgerState>;

/** Shards of a process that are remembered; after resharding there are others. */
const MAX_CACHED_LANES = 1_000;

export function createLaneCache(): LaneCache {
  return new LRUCache<string, LedgerState>({ max: MAX_CACHED_LANES });
}

export interface RunOptions {
  /** Who runs: the invocation's id. */
  readonly owner: string;
  /** When the run must be over, ms since the epoch; no new commit is begun in the last five seconds. */
  readonly deadlineMs: number;
  /** About how many raw bytes one commit may have: more make fewer files, and need more memory. Default: 64 MiB. */
  readonly maxBatchBytes?: number;
  /**
   * Leaves the lane to another writer who was first with a batch, for lanes whose every run wants the same records: the other
   * one goes on until nothing is left. Without it a run that loses a race tries again.
   */
  readonly yieldsToOthers?: boolean;
}

export interface RunOutcome {
  /** Whether the reader had nothing left; otherwise time was up first and the rest is for the next run. */
  readonly finished: boolean;
  readonly commits: number;
  /** What this run committed, by source. */
  readonly counts: ReadonlyMap<string, LandCounts>;
}

/** What became of the records of one source. */
interface LandCounts {
  readonly landed: number;
  readonly duplicates: number;
  readonly quarantined: number;
  /** Of those in quarantine: what nobody could know where the record arrived. */
  readonly late: number;
  /** Bytes of the files. */
  readonly bytes: number;
  readonly files: number;
}

/** How long others wait for an announced intent before they resolve it. */
const LEASE_MS = 10_000;
/** Time that one more commit may need; a run stops when less is left. */
const RESERVE_MS = 5_000;
const DEFAULT_BATCH_BYTES = 64 * 1024 * 1024;
/** Files of one commit; a batch of more partitions is cut, and one of more hours of receipt than a commit counts. An entry that has more by itself, or what is staged, is committed whole. */
const MAX_FILES = 1_000;
const PARALLEL_PUTS = 16;
/** Files that a line of the log lists. */
const MAX_LOGGED_FILES = 10;
/** Files that are fetched to be put: each is in memory meanwhile, some 15 MB. */
const PARALLEL_LOADS = 4;
const MAX_CONFLICTS = 100;

/**
 * Lands what a lane offers, commit by commit, until its reader has nothing left or the deadline is near.
 *
 * @throws HeadgateError when a store fails; everything committed so far stays committed
 */
export async function runLane(deps: LandDeps, reader: LaneReader, options: RunOptions): Promise<RunOutcome> {
  let commits = 0;
  const counts = new Map<string, Counts>();
  let conflicts = 0;
  const { maxBatchBytes = DEFAULT_BATCH_BYTES } = options;
  let maxBytes = maxBatchBytes;
  const laneCache = deps.laneCache ?? createLaneCache();
  const countConflict = (): void => {
    if (++conflicts <= MAX_CONFLICTS) return;
    throw new TransientError(
      'LANE_CONTENTION',
      `other writers keep winning lane ${reader.lane}; it is retried`,
    );
  };
  const note = (landed: Landed): void => {
    commits++;
    addCounts(counts, landed.counts);
  };
  const goOn: GoOn = async (state, intent) => {
    const batch = await reader.announced?.(state, intent);
    if (batch === undefined) return 'withdraw';
    const landed = await landAnnounced(deps, reader.lane, state, intent, batch, options);
    if (typeof landed === 'string') return landed;
    note(landed);
    return 'decided';
  };
  for (;;) {
    const state = isOutOfTime(deps, options)
      ? undefined
      : (takeKnown(laneCache, reader.lane) ?? (await readSettled(deps, reader.lane, options, goOn)));
    if (state === undefined) return { finished: false, commits, counts };
    const batch = await reader.read(state, maxBytes);
    if (batch === undefined) {
      laneCache.set(reader.lane, state);
      return { finished: true, commits, counts };
    }
    if (batch === 'interrupted') {
      laneCache.set(reader.lane, state);
      return { finished: false, commits, counts };
    }
    if (batch === 'overtaken') {
      countConflict();
      continue;
    }
    const plan = planBatch(batch);
    const isDivisible = batch.isStaged !== true && batch.entries.length > 1 && maxBytes > 1;
    if ((plan.fileCount > MAX_FILES || plan.hourCount > MAX_SETTLED_HOURS) && isDivisible) {
      maxBytes = Math.max(1, Math.floor(Math.min(maxBytes, plan.bytes) / 2));
      continue;
    }
    const landed = await landBatch(deps, reader.lane, state, batch, plan, options);
    if (landed !== undefined) {
      note(landed);
      laneCache.set(reader.lane, landed.state);
      maxBytes = maxBatchBytes;
    } else if (options.yieldsToOthers === true) {
      return { finished: false, commits, counts };
    } else countConflict();
  }
}

/** What is known of a lane, once: whoever finds that it does not hold any more must not find it again. */
function takeKnown(laneCache: LaneCache, lane: string): LedgerState | undefined {
  const known = laneCache.get(lane);
  laneCache.delete(lane);
  return known;
}

/**
 * Goes on with what is announced.
 *
 * @returns `'decided'` when it is in the lake, or somebody else has decided it; `'later'` when time is up; `'withdraw'`
 *   when it cannot be gone on with
 */
type GoOn = (state: LedgerState, intent: Intent) => Promise<'decided' | 'later' | 'withdraw'>;

/**
 * Reads a lane, after resolving what was announced on it.
 *
 * @param goOn by default whatever is not complete is withdrawn
 * @returns undefined when the deadline is near, or somebody may be at work on the lane until then
 */
export async function readSettled(
  deps: LandDeps,
  lane: string,
  options: RunOptions,
  goOn: GoOn = () => Promise.resolve('withdraw'),
): Promise<LedgerState | undefined> {
  const probe = deps.probe ?? probeNothing;
  for (;;) {
    if (isOutOfTime(deps, options)) return undefined;
    await probe('B.1');
    const state = await deps.ledger.read(lane);
    if (state.intent === undefined) return state;
    if (!(await waitForLease(deps, state.intent, options))) return undefined;
    const outcome = await goOn(state, state.intent);
    if (outcome === 'later') return undefined;
    if (outcome === 'withdraw') await resolveIntent(deps, lane, state, state.intent);
  }
}

const isOutOfTime = (deps: LandDeps, { deadlineMs }: RunOptions): boolean =>
  deadlineMs - deps.clock.nowMs() < RESERVE_MS;

/** Waits while the owner of an intent may be at work. @returns whether the intent is to be resolved now */
async function waitForLease(deps: LandDeps, intent: Intent, options: RunOptions): Promise<boolean> {
  const nowMs = deps.clock.nowMs();
  if (intent.owner === options.owner || intent.leaseUntilMs <= nowMs) return true;
  // A clock that is far off must not hold the lane up for longer than a lease.
  const waitMs = Math.min(intent.leaseUntilMs - nowMs, LEASE_MS);
  if (nowMs + waitMs > options.deadlineMs - RESERVE_MS) return false;
  await deps.clock.sleep(waitMs);
  return true;
}

/* ------------------------------------------------------------------------------------------ files and commit */

/** A file that is built and has no version yet. */
interface BuiltFile {
  readonly source: string;
  readonly zone: IntentObject['zone'];
  readonly rows: number;
  /** The file, or where to get it. */
  readonly bytes: Uint8Array | (() => Promise<Uint8Array>);
  keyFor(version: number): string;
}

/** Counts in the making. */
type Counts = { -readonly [Name in keyof LandCounts]: LandCounts[Name] };

/** What a commit has brought, and the lane after it. */
interface Landed {
  readonly counts: ReadonlyMap<string, Counts>;
  readonly state: LedgerState;
}

/**
 * Claims, builds and commits one batch.
 *
 * @returns what was committed, or undefined when another writer was first: read the ledger again
 */
async function landBatch(
  deps: LandDeps,
  lane: string,
  state: LedgerState,
  batch: LaneBatch,
  plan: BatchPlan,
  options: RunOptions,
): Promise<Landed | undefined> {
  const probe = deps.probe ?? probeNothing;
  const verdicts = await claimBatch(deps, batch, plan);
  await probe('B.2');
  const built = await buildFiles(deps, batch, plan, verdicts);
  const { files } = built;
  let version = state.version;
  if (files.length > 0) {
    const intent: Intent = {
      from: batch.from,
      to: batch.to,
      objects: files.map((file) => ({ key: file.keyFor(version + 1), source: file.source, zone: file.zone })),
      records: plan.records,
      settled: built.settled,
      configVersion: deps.configVersion,
      owner: options.owner,
      leaseUntilMs: deps.clock.nowMs() + LEASE_MS,
    };
    if ((await deps.ledger.announce(lane, version, intent, deps.newToken())) === 'conflict') return undefined;
    version++;
    await probe('B.3');
    if ((await putFiles(deps, lane, files, version, putUntilMs(batch, options))) !== 'put') return undefined;
    await probe('B.5');
  }
  return await commitBatch(deps, lane, { ...state, version }, { batch, plan, verdicts, ...built });
}

/** The files of a batch. */
interface BuiltFiles {
  readonly files: readonly BuiltFile[];
  readonly counts: ReadonlyMap<string, Counts>;
  readonly settled: readonly SettledHour[];
}

/** What a batch has become. */
interface BuiltBatch extends BuiltFiles {
  readonly batch: LaneBatch;
  readonly plan: BatchPlan;
  readonly verdicts: Verdicts;
}

/** The batch's files are in the lake: says so. @returns undefined when the intent was decided by somebody else */
async function commitBatch(
  deps: LandDeps,
  lane: string,
  { commits, version }: LedgerState,
  { batch, plan, verdicts, counts, files, settled }: BuiltBatch,
): Promise<Landed | undefined> {
  const commit = { from: batch.from, to: batch.to, records: plan.records, keys: files.length, settled };
  if ((await deps.ledger.commit(lane, version, commit, deps.newToken())) === 'conflict') return undefined;
  await (deps.probe ?? probeNothing)('B.6');
  emit(deps, batch, counts, verdicts);
  logCommit(deps, lane, version, { batch, plan, files });
  return {
    counts,
    state: { position: batch.to, commits: commits + 1, version: version + 1, intent: undefined },
  };
}

/**
 * Says which files a range of a lane has become. Positions of lanes that read a source hold values of its records, so only
 * sequence numbers are named; the stem, which is part of the files' names, stands for all others.
 */
function logCommit(
  { telemetry, logShare = 1 }: LandDeps,
  lane: string,
  version: number,
  { batch: { from, to, stem, entries }, plan, files }: Pick<BuiltBatch, 'batch' | 'plan' | 'files'>,
): void {
  if (!isSampled(`${lane} ${to}`, logShare)) return;
  telemetry.log('info', 'committed', {
    ledgerLane: lane,
    ...(isSequenceNumber(from) && isSequenceNumber(to) && { from, to }),
    stem,
    entries: entries.length,
    records: plan.records,
    files: files.length,
    keys: files.slice(0, MAX_LOGGED_FILES).map((file) => file.keyFor(version)),
  });
}

/** Puts the files of an announced batch that are not there yet, and commits it in its owner's place. */
async function landAnnounced(
  deps: LandDeps,
  lane: string,
  state: LedgerState,
  intent: Intent,
  batch: LaneBatch,
  options: RunOptions,
): Promise<Landed | 'decided' | 'later' | 'withdraw'> {
  const plan = planBatch(batch);
  const verdicts: Verdicts = new Map();
  const built = await buildFiles(deps, batch, plan, verdicts);
  const { files } = built;
  if (!isAnnounced(files, state.version, batch, intent)) return 'withdraw';
  const missing: BuiltFile[] = [];
  const tombstones: BuiltFile[] = [];
  await forEachLimited(files, PARALLEL_PUTS, async (file) => {
    const kind = await deps.lake.kindOf(file.keyFor(state.version));
    if (kind === undefined) missing.push(file);
    if (kind === 'tombstone') tombstones.push(file);
  });
  if (tombstones.length > 0) return 'withdraw';
  const outcome = await putFiles(deps, lane, missing, state.version, putUntilMs(batch, options));
  if (outcome !== 'put') return outcome === 'fenced' ? 'withdraw' : 'later';
  await (deps.probe ?? probeNothing)('B.5');
  return (await commitBatch(deps, lane, state, { batch, plan, verdicts, ...built })) ?? 'decided';
}

/** Whether these are the files that were announced: where a source is divided otherwise by now they are not. */
function isAnnounced(
  files: readonly BuiltFile[],
  version: number,
  { from, to }: LaneBatch,
  { objects, ...intent }: Intent,
): boolean {
  return (
    intent.from === from &&
    intent.to === to &&
    objects.length === files.length &&
    objects.every(({ key }, i) => files[i]?.keyFor(version) === key)
  );
}

async function buildFiles(
  deps: LandDeps,
  batch: LaneBatch,
  plan: BatchPlan,
  verdicts: Verdicts,
): Promise<BuiltFiles> {
  const files: BuiltFile[] = [];
  const counts = new Map<string, Counts>();
  const settled = new SettledTally();
  for (const { source, hour, ...of } of batch.settled ?? []) settled.add(source, hour, of);
  const quarantine = [];
  for (const { row, frame, index } of plan.quarantine) {
    const verdict = frame && verdicts.get(frame)?.[index ?? 0];
    if (verdict === Verdict.duplicate) {
      countsOf(counts, row.source).duplicates++;
      settled.add(row.source, hourOf(row.receivedAtMs), { duplicates: 1 });
    } else quarantine.push(row);
  }
  for (const { source, number, slices } of plan.partitions) {
    const count = countsOf(counts, source.name);
    const kept: FrameSlice[] = [];
    for (const slice of slices) {
      const { frame, indices } = slice;
      const ofFrame = verdicts.get(frame);
      if (ofFrame === undefined) {
        kept.push(slice);
        continue;
      }
      const keep = indices.filter((index) => ofFrame[index] === Verdict.own);
      if (keep.length > 0) kept.push({ ...slice, indices: keep });
      const duplicates = indices.filter((index) => ofFrame[index] === Verdict.duplicate).length;
      count.duplicates += duplicates;
      settled.add(source.name, hourOf(frame.header.receivedAtMs), { duplicates });
      for (const index of indices) {
        if (ofFrame[index] !== Verdict.conflict) continue;
        quarantine.push(
          quarantineRow(
            source.name,
            slice,
            index,
            'KEY_CONFLICT',
            `another record with the same key (${source.config.key.join(', ')}) and another payload was accepted before`,
          ),
        );
      }
    }
    if (kept.length === 0) continue;
    const table = await deps.tables.writeRows(source, kept);
    for (const { slice, index, error } of table.unwritable) {
      quarantine.push(quarantineRow(source.name, slice, index, 'UNWRITABLE', error));
    }
    settleRows(settled, source, kept, table.unwritable);
    if (table.bytes === undefined) continue;
    count.landed += table.rows;
    count.bytes += table.bytes.length;
    count.files++;
    const partition = partitionPath(source.config.partition, number);
    files.push({
      source: source.name,
      zone: 'raw',
      rows: table.rows,
      bytes: table.bytes,
      keyFor: (version) => rawKey(source.name, partition, batch.stem, version),
    });
  }
  for (const [i, table] of plan.tables.entries()) {
    const { source, partition: number, rows, bytes } = table;
    const count = countsOf(counts, source.name);
    count.landed += rows;
    count.bytes += bytes;
    count.files++;
    settled.add(source.name, hourOf(table.receivedAtMs), { landed: rows });
    const partition = partitionPath(source.config.partition, number);
    files.push({
      source: source.name,
      zone: 'raw',
      rows,
      bytes: () => table.load(),
      keyFor: (version) => rawKey(source.name, partition, `${batch.stem}-${String(i)}`, version),
    });
  }
  for (const { source, reason, receivedAtMs, rows } of groupQuarantine(quarantine)) {
    const count = countsOf(counts, source);
    count.quarantined += rows.length;
    if (!SEEN_ON_ARRIVAL.has(reason)) count.late += rows.length;
    count.files++;
    for (const row of rows) settled.add(source, hourOf(row.receivedAtMs), { quarantined: 1 });
    files.push({
      source,
      zone: 'quarantine',
      rows: rows.length,
      bytes: await deps.tables.writeQuarantine(rows),
      keyFor: (version) => quarantineKey(source, reason, receivedAtMs, batch.stem, version),
    });
  }
  return { files, counts, settled: settled.toHours() };
}

/** Counts the rows of a file by the hours in which they were received. */
function settleRows(
  settled: SettledTally,
  source: Source,
  slices: readonly FrameSlice[],
  unwritable: readonly { readonly slice: FrameSlice; readonly index: number }[],
): void {
  const left = new Map<Frame, Set<number>>();
  for (const { slice, index } of unwritable) {
    const ofFrame = left.get(slice.frame) ?? new Set();
    left.set(slice.frame, ofFrame.add(index));
  }
  for (const { frame, indices } of slices) {
    const missing = left.get(frame);
    const rows = missing === undefined ? indices : indices.filter((index) => !missing.has(index));
    const extra = rows.filter((index) => EXTRA_FLAGS.has(frame.flags[index] ?? RecordFlag.valid)).length;
    settled.add(source.name, hourOf(frame.header.receivedAtMs), { landed: rows.length, extra });
  }
}

/** Reasons that are found out by looking at the record alone. */
const SEEN_ON_ARRIVAL: ReadonlySet<QuarantineReason> = new Set(['CONTRACT', 'MALFORMED']);

const EXTRA_FLAGS: ReadonlySet<number> = new Set([RecordFlag.extra, RecordFlag.carried]);

/** Until when files are put. What is not staged is put to its end: half-done, it would be withdrawn. */
const putUntilMs = ({ isStaged }: LaneBatch, { deadlineMs }: RunOptions): number =>
  isStaged === true ? deadlineMs - RESERVE_MS : Infinity;

/**
 * Creates the announced objects.
 *
 * @returns `'fenced'` when a tombstone was met: the intent was resolved by somebody else; `'later'` when time is up
 */
async function putFiles(
  deps: LandDeps,
  lane: string,
  files: readonly BuiltFile[],
  version: number,
  untilMs: number,
): Promise<'put' | 'fenced' | 'later'> {
  const probe = deps.probe ?? probeNothing;
  const ends = new Set<'fenced' | 'later'>();
  const areInMemory = files.every(({ bytes }) => typeof bytes !== 'function');
  await forEachLimited(files, areInMemory ? PARALLEL_PUTS : PARALLEL_LOADS, async (file) => {
    if (deps.clock.nowMs() >= untilMs) ends.add('later');
    if (ends.size > 0) return;
    const key = file.keyFor(version);
    const object: LakeObject = {
      kind: 'data',
      lane,
      bytes: typeof file.bytes === 'function' ? await file.bytes() : file.bytes,
      rows: file.rows,
      writtenAtMs: deps.clock.nowMs(),
    };
    // Data at this key is our own, from a PUT whose response was lost: the version in the key is ours alone.
    if (
      (await deps.lake.putIfAbsent(key, object)) === 'exists' &&
      (await kindAt(deps, key)) === 'tombstone'
    ) {
      ends.add('fenced');
    }
    await probe('B.4');
  });
  return ends.has('fenced') ? 'fenced' : ends.has('later') ? 'later' : 'put';
}

async function kindAt(deps: LandDeps, key: string): Promise<'data' | 'tombstone'> {
  const kind = await deps.lake.kindOf(key);
  if (kind !== undefined) return kind;
  throw new TransientError(
    'OBJECT_VANISHED',
    `${key} was there and is gone; nothing may delete an announced file younger than 24 hours`,
  );
}

/* ------------------------------------------------------------------------------------------------- resolving */

/** Decides a pending intent on its owner's behalf; see the top of this file. */
async function resolveIntent(
  deps: LandDeps,
  lane: string,
  state: LedgerState,
  intent: Intent,
): Promise<void> {
  const probe = deps.probe ?? probeNothing;
  const tombstoneFor = createTombstones(deps, lane);
  const data: IntentObject[] = [];
  const tombstones: IntentObject[] = [];
  await forEachLimited(intent.objects, PARALLEL_PUTS, async (object) => {
    const outcome = await deps.lake.putIfAbsent(object.key, await tombstoneFor(object));
    if (outcome === 'exists' && (await kindAt(deps, object.key)) === 'data') data.push(object);
    else tombstones.push(object);
    await probe('R.1');
  });
  if (tombstones.length === 0) {
    const { from, to, records, settled = [] } = intent;
    const commit = { from, to, records, keys: intent.objects.length, settled };
    // A conflict means that somebody else has decided; the caller reads again either way.
    await deps.ledger.commit(lane, state.version, commit, deps.newToken());
    return;
  }
  await forEachLimited(data, PARALLEL_PUTS, async (object) => {
    await deps.lake.overwrite(object.key, await tombstoneFor(object));
    await probe('R.2');
  });
  await deps.ledger.abort(lane, state.version, deps.newToken());
  await probe('R.3');
}

/** Tombstones by the columns that they must have; each is built once. */
function createTombstones(deps: LandDeps, lane: string): (object: IntentObject) => Promise<LakeObject> {
  const built = new Map<Source | undefined, Promise<Uint8Array>>();
  return async ({ zone, source: name }) => {
    // A source that is no longer declared has no columns; a file without rows may have any.
    const source = zone === 'raw' ? deps.sources.get(name) : undefined;
    let bytes = built.get(source);
    if (bytes === undefined) {
      bytes =
        source === undefined ? deps.tables.writeQuarantineTombstone() : deps.tables.writeTombstone(source);
      built.set(source, bytes);
    }
    return { kind: 'tombstone', lane, bytes: await bytes, rows: 0, writtenAtMs: deps.clock.nowMs() };
  };
}

/* ------------------------------------------------------------------------------------------------- telemetry */

function countsOf(counts: Map<string, Counts>, source: string): Counts {
  let count = counts.get(source);
  if (count === undefined) {
    count = { landed: 0, duplicates: 0, quarantined: 0, late: 0, bytes: 0, files: 0 };
    counts.set(source, count);
  }
  return count;
}

function addCounts(total: Map<string, Counts>, added: ReadonlyMap<string, Counts>): void {
  for (const [source, { landed, duplicates, quarantined, late, bytes, files }] of added) {
    const count = countsOf(total, source);
    count.landed += landed;
    count.duplicates += duplicates;
    count.quarantined += quarantined;
    count.late += late;
    count.bytes += bytes;
    count.files += files;
  }
}

/** Counts are emitted after the commit, so that an aborted attempt is not counted; a lost commit may be counted twice. */
function emit(
  deps: LandDeps,
  batch: LaneBatch,
  counts: ReadonlyMap<string, Counts>,
  verdicts: Verdicts,
): void {
  const { telemetry } = deps;
  for (const [source, count] of counts) {
    telemetry.count('RecordsLanded', source, count.landed);
    telemetry.count('RecordsDuplicate', source, count.duplicates);
    telemetry.count('RecordsQuarantined', source, count.quarantined);
    // What has an edge was judged there.
    const isJudged = hasEdge(deps.sources.get(source)?.config.type ?? '');
    telemetry.record('RecordErrors', source, 1, isJudged ? count.late : count.quarantined);
    if (!isJudged) telemetry.record('RecordErrors', source, 0, count.landed + count.duplicates);
    telemetry.count('BytesLanded', source, count.bytes);
    telemetry.count('PartitionsWritten', source, count.files);
  }
  const nowMs = deps.clock.nowMs();
  for (const entry of batch.entries) {
    if (entry.kind === 'quarantine')
      telemetry.count('BytesCommitted', entry.row.source, entry.row.raw.length);
    if (entry.kind === 'frame')
      telemetry.count('BytesCommitted', entry.source.name, entry.frame.payload.length);
    if (entry.kind === 'table')
      telemetry.record('EndToEndLatency', entry.source.name, nowMs - entry.receivedAtMs, entry.rows);
    if (entry.kind !== 'frame') continue;
    const ofFrame = verdicts.get(entry.frame);
    const landed =
      ofFrame === undefined
        ? entry.frame.count
        : ofFrame.reduce((n, verdict) => (verdict === Verdict.own ? n + 1 : n), 0);
    if (landed > 0) {
      telemetry.record('EndToEndLatency', entry.source.name, nowMs - entry.frame.header.receivedAtMs, landed);
    }
  }
}
