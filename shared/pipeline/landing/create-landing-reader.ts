import type { ReceivedSourceConfig } from '../../config/schema.ts';
import { BlockedError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { RecordFlag } from '../../domain/frame.ts';
import { landingLane, landingOrigin, landingTimeOf, toLandingTime } from '../../domain/landing-frame.ts';
import type { LandingManifest } from '../../domain/landing-manifest.ts';
import {
  formatLandingPosition,
  LANDING_START,
  parseLandingPosition,
  type LandingPosition,
} from '../../domain/landing-position.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import type { Source } from '../../domain/source.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LandingZone, ListedFrame } from '../../ports/landing-zone.ts';
import { MAX_SETTLED_HOURS, type LedgerState } from '../../ports/ledger-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { decodeStreamRecord } from '../decode-stream-record.ts';
import { hourName } from '../plan-batch.ts';
import type { LaneBatch, LaneReader, RecordEntry } from '../lane.ts';
import { MAX_STAGED_PARTITIONS } from '../staged-entries.ts';
import { Manifests, type ManifestCache } from './manifests.ts';

/*
 * Reads the landing zone of a source. What it guarantees, wherever a run dies, and however many run at once:
 * - every frame that was acknowledged is landed, once;
 * - a frame that was written and never acknowledged is landed once, or not at all;
 * - idle sources cost a listing per run.
 *
 * A frame has no place in a sequence: one may appear before another that was named earlier. So what has landed is a set.
 * Batch `number` of a lane is decided once, as a manifest of names, before its keys are claimed; the lane's position
 * says how many manifests are committed. What has landed is what they name.
 *
 * Frames are removed after the commit of their batch, so that a listing holds what is new and little else; nothing
 * relies on it. Most of what is new comes after `newest`, the greatest name that was landed, and is in no manifest.
 * Manifests are read only when a listing has something older: a frame that was named before another one and appeared
 * after it, one that was not removed yet, or one that was removed and created again by a late writer.
 *
 * Manifests need not be kept for ever, because of the floor. Frames below it are not listed any more. It follows the
 * listing: nothing that was listed is below it, and it stays `FLOOR_LAG_MS` behind the clock. No frame can appear below
 * it after that. A frame appears within 16 minutes of the time in its name, by the clock of S3 (see `MAX_ARRIVAL_MS`). A
 * listing is answered only when the clock of the run that asks is within 16 minutes of that of S3. So what is named a
 * time `t` cannot appear after a listing at `t` + 32 minutes, as the run's own clock says; it is given an hour.
 */

export interface LandingReaderDeps {
  readonly source: Source<ReceivedSourceConfig>;
  /** All sources: a frame says itself which one it belongs to. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly zone: LandingZone;
  readonly stage: BatchStage;
  /** What a process keeps of manifests from one run to the next. */
  readonly manifestCache: ManifestCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const FLOOR_LAG_MS = 3_600_000;
/**
 * Landed frames that cannot be removed hold the floor back no longer than this: manifests are kept longer. Below the
 * floor they are only in the way of nobody.
 */
const MAX_REMOVAL_MS = 12 * 3_600_000;
/** Frames of one batch; a manifest of so many has 2.5 MB. */
const MAX_FRAMES = 50_000;
/** Frames that are fetched before it is seen whether the batch is full, and their bytes. */
const MAX_CHUNK_FRAMES = 64;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
const PARALLEL_READS = 32;
/** Two clocks of AWS are closer than this. Only the order of records of one sender relies on it. */
const ORDER_SKEW_MS = 1_000;

/** What a listing says. */
interface Listing {
  /** Frames that have not landed, in the order of their names. */
  readonly fresh: readonly ListedFrame[];
  /** Names of frames that have. */
  readonly landed: readonly string[];
  /** The least name of those that the floor must not pass. */
  readonly oldest: string | undefined;
  /** Landed frames that nobody could remove for so long that the floor may pass them. */
  readonly stuck: number;
}

/** Frames that somebody else has landed and removed since they were listed. */
const GONE = 'gone';

/** Makes the reader of one run. */
export function createLandingReader(deps: LandingReaderDeps): LaneReader {
  const { source, sources, zone, clock, telemetry } = deps;
  const lane = landingLane(source.name);
  const manifests = new Manifests(source.name, deps.stage, deps.manifestCache);
  /** Frames as they are stored, until they are decoded: a portion at most. */
  const fetched = new Map<string, Uint8Array>();
  /** What was decoded and is not landed yet: a batch may be offered more than once. */
  const decoded = new Map<string, readonly RecordEntry[]>();
  /** The batch that was offered last. */
  let offered: { readonly number: number; readonly names: readonly string[] } | undefined;
  let goneAt: number | undefined;

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'overtaken' | undefined> {
    if (offered !== undefined && state.commits > offered.number) {
      await remove(offered.names);
      offered = undefined;
    }
    const position = parseLandingPosition(lane, state.position);
    // Before the listing: what appears during it may be newer than what it shows.
    const beginMs = clock.nowMs();
    const listing = await list(position, state.commits, beginMs, maxBytes);
    // A clock that was set right meanwhile must not have made the floor.
    const nowMs = Math.min(beginMs, clock.nowMs());
    forgetOthers(listing.fresh);
    if (listing.landed.length > 0) await remove(listing.landed);
    const taken = await take(inOrder(listing.fresh, nowMs), maxBytes);
    if (taken === GONE) return gone(state);
    if (taken.length === 0) return undefined;
    const to = await positionAfter(position, state.commits, listing, taken, nowMs);
    const batch = await manifests.decide(state.commits, { to: formatLandingPosition(to), names: taken });
    const entries = await entriesOf(batch);
    if (entries === GONE) return gone(state);
    offered = { number: state.commits, names: batch.names };
    return {
      from: state.position ?? formatLandingPosition(LANDING_START),
      to: batch.to,
      stem: `land-${source.name}-${String(state.commits)}`,
      entries,
    };
  }

  async function list(
    { floor, first, newest }: LandingPosition,
    commits: number,
    nowMs: number,
    maxBytes: number,
  ): Promise<Listing> {
    const fresh: ListedFrame[] = [];
    const landed: string[] = [];
    let oldest: string | undefined;
    let stuck = 0;
    let bytes = 0;
    for (let after = floor, isLast = false; !isLast && fresh.length < MAX_FRAMES && bytes < maxBytes;) {
      const page = await zone.list(source.name, after);
      const frames = page.frames.filter(({ name }) => landingTimeOf(name) !== undefined);
      if (frames.length < page.frames.length) warnForeign(page.frames);
      const older = frames.flatMap(({ name }) => (name <= newest ? [name] : []));
      const isLanded =
        older.length === 0 ? new Set<string>() : await manifests.landedOf(older, first, commits, nowMs);
      for (const frame of frames) {
        if (isLanded.has(frame.name)) {
          landed.push(frame.name);
          if (nowMs - (landingTimeOf(frame.name) ?? 0) > MAX_REMOVAL_MS) stuck++;
          else oldest ??= frame.name;
        } else {
          oldest ??= frame.name;
          fresh.push(frame);
          bytes += frame.bytes;
        }
      }
      after = page.frames.at(-1)?.name ?? after;
      isLast = page.isLast;
    }
    return { fresh, landed, oldest, stuck };
  }

  /**
   * What may be landed now without overtaking anything that was acknowledged before it. Frames appear while a listing
   * is under way: its end may show one whose predecessor came too late for its beginning. So it is cut where it began.
   */
  function inOrder(fresh: readonly ListedFrame[], nowMs: number): readonly ListedFrame[] {
    if (source.config.orderBy === undefined) return fresh;
    const end = toLandingTime(nowMs - ORDER_SKEW_MS);
    return fresh.filter(({ name }) => name < end);
  }

  /** Fetches frames until a batch is full. @returns the names of those in it */
  async function take(
    fresh: readonly ListedFrame[],
    maxBytes: number,
  ): Promise<readonly string[] | typeof GONE> {
    const names: string[] = [];
    const partitions = new Set<string>();
    const hours = new Set<string>();
    let bytes = 0;
    for (const chunk of chunksOf(fresh)) {
      if (!(await fetch(chunk))) return GONE;
      for (const name of chunk) {
        // One by one: what is small may be large when it is decompressed.
        const entries = decode(name);
        bytes += entries.reduce((sum, entry) => sum + rawBytes(entry), 0);
        for (const entry of entries) {
          addPartitions(partitions, entry);
          hours.add(hourName(entry));
        }
        const isFull =
          bytes > maxBytes ||
          partitions.size > MAX_STAGED_PARTITIONS ||
          hours.size > MAX_SETTLED_HOURS ||
          names.length >= MAX_FRAMES;
        if (isFull && names.length > 0) return names;
        names.push(name);
      }
    }
    return names;
  }

  /** @returns false when one of the frames is not there any more */
  async function fetch(names: readonly string[]): Promise<boolean> {
    let isGone = false;
    await forEachLimited(names, PARALLEL_READS, async (name) => {
      if (isGone || decoded.has(name) || fetched.has(name)) return;
      const data = await zone.read(source.name, name);
      if (data === undefined) isGone = true;
      else fetched.set(name, data);
    });
    return !isGone;
  }

  /** What is in a frame that was fetched. */
  function decode(name: string): readonly RecordEntry[] {
    const data = fetched.get(name);
    if (data === undefined) return decoded.get(name) ?? [];
    const record = {
      origin: landingOrigin(source.name, name),
      firstIndex: 0,
      arrivedAtMs: landingTimeOf(name) ?? clock.nowMs(),
      data,
    };
    const entries = decodeStreamRecord(sources, source.name, record);
    fetched.delete(name);
    decoded.set(name, entries);
    return entries;
  }

  /** Forgets frames that have landed, whoever landed them. */
  function forgetOthers(fresh: readonly ListedFrame[]): void {
    const names = new Set(fresh.map(({ name }) => name));
    for (const known of [fetched, decoded]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  async function entriesOf({ names }: LandingManifest): Promise<readonly RecordEntry[] | typeof GONE> {
    const entries: RecordEntry[] = [];
    for (let at = 0; at < names.length; at += PARALLEL_READS) {
      const some = names.slice(at, at + PARALLEL_READS);
      if (!(await fetch(some))) return GONE;
      for (const name of some) for (const entry of decode(name)) entries.push(entry);
    }
    return entries;
  }

  /** Frames are removed only after their commit: so there was one since the state was read. */
  function gone({ commits }: LedgerState): 'overtaken' {
    if (goneAt === commits) {
      throw new BlockedError(
        'FRAME_VANISHED',
        `frames of lane ${lane} were there and are gone before they were landed; nothing but the land function may ` +
          'delete them. Restore them from their former versions in the bucket',
      );
    }
    goneAt = commits;
    return 'overtaken';
  }

  async function positionAfter(
    { floor, first, newest }: LandingPosition,
    commits: number,
    { oldest, stuck }: Listing,
    taken: readonly string[],
    nowMs: number,
  ): Promise<LandingPosition> {
    const bounds = [toLandingTime(nowMs - FLOOR_LAG_MS), timePartOf(oldest ?? '')];
    const low = bounds.reduce((a, b) => (a < b ? a : b));
    const newFloor = low > floor ? low : floor;
    if (stuck > 0 && newFloor > floor) {
      telemetry.count('Errors', source.name, 1);
      telemetry.log(
        'error',
        'landed frames could not be removed for hours and are left for good; look at the role',
        {
          source: source.name,
          frames: stuck,
        },
      );
    }
    const last = taken.at(-1) ?? '';
    return {
      floor: newFloor,
      first: newest < newFloor ? commits : await manifests.firstFrom(newFloor, first, commits, nowMs),
      newest: last > newest ? last : newest,
    };
  }

  async function remove(names: readonly string[]): Promise<void> {
    try {
      await zone.remove(source.name, names);
    } catch (error) {
      telemetry.log('warn', 'landed frames could not be removed; later runs remove them', {
        source: source.name,
        frames: names.length,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  function warnForeign(frames: readonly ListedFrame[]): void {
    const names = frames.flatMap(({ name }) => (landingTimeOf(name) === undefined ? [name] : []));
    telemetry.log('warn', 'objects among the frames of the landing zone are no frames and are left alone', {
      source: source.name,
      objects: names.length,
      first: names[0],
    });
  }

  return { lane, read };
}

const timePartOf = (name: string): string => name.slice(0, name.indexOf('-'));

const rawBytes = (entry: RecordEntry): number =>
  entry.kind === 'frame' ? entry.frame.payload.length : entry.row.raw.length;

function addPartitions(partitions: Set<string>, entry: RecordEntry): void {
  if (entry.kind !== 'frame') return;
  const { source, frame } = entry;
  const numbers = new Set<number>();
  for (let i = 0; i < frame.count; i++) {
    if (frame.flags[i] === RecordFlag.violation) continue;
    numbers.add(partitionNumber(source.config.partition, frame.eventTimesMs[i] ?? 0));
  }
  for (const number of numbers) partitions.add(`${source.name}/${String(number)}`);
}

/** Names in portions that are fetched together. */
function* chunksOf(frames: readonly ListedFrame[]): Generator<readonly string[]> {
  let chunk: string[] = [];
  let chunkBytes = 0;
  for (const { name, bytes } of frames) {
    if (chunk.length >= MAX_CHUNK_FRAMES || (chunk.length > 0 && chunkBytes + bytes > MAX_CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      chunkBytes = 0;
    }
    chunk.push(name);
    chunkBytes += bytes;
  }
  if (chunk.length > 0) yield chunk;
}
