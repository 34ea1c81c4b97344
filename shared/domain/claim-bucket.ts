import type { SourceConfig } from '../config/schema.ts';

/*
 * Keys are claimed in buckets. Which bucket a key belongs to may depend only on content that never changes and is part
 * of the key: two records with one key must meet in one bucket, whenever they arrive and whatever the configuration
 * says by then. So keys that contain the event time are sliced by it, in steps that no setting changes: by day at
 * first, and more finely wherever a slice gets too large to be read by everybody who claims in it.
 */

/** Widths of slices: a bucket that is closed goes on in buckets of the next width. */
const SLICE_SECONDS = [86_400, 3_600, 300, 20] as const;

/**
 * Claims after which a bucket is closed. Everybody who claims in a bucket reads all of it once (17-26 bytes a claim) and
 * keeps it in memory (some 40 bytes a claim), a source that fills its slices has one bucket of each width in use.
 */
export interface ClaimLimits {
  readonly perSlice: number;
  /** Of keys without a time; what is claimed after it costs a write for each key. */
  readonly withoutTime: number;
  /** For how many claims an entry of the log counts besides its own: reading one costs as much as that many claims. */
  readonly perEntry: number;
}

export const CLAIM_LIMITS: ClaimLimits = { perSlice: 500_000, withoutTime: 1_500_000, perEntry: 30 };

/** A bucket of claims. */
export interface ClaimBucket {
  readonly name: string;
  /** Index into `SLICE_SECONDS`; undefined for keys without a time. */
  readonly level: number | undefined;
}

/**
 * Whether the keys of a source can be sliced by time: only if the event time is part of the key. Rows of a table are
 * claimed with all that they hold, and their event time is one of their columns.
 */
function hasTimeInKey(config: SourceConfig): boolean {
  if (config.type === 'postgres' || config.type === 'mysql') return true;
  return config.eventTime !== undefined && config.key.includes(config.eventTime.path);
}

function sliceBucket(source: string, level: number, eventTimeMs: number): ClaimBucket {
  const widthMs = (SLICE_SECONDS[level] ?? 1) * 1000;
  const start = new Date(Math.floor(eventTimeMs / widthMs) * widthMs).toISOString();
  return { name: `${source}#${String(SLICE_SECONDS[level])}s#${start.slice(0, -'.000Z'.length)}`, level };
}

/** The bucket in which a record's key is claimed first: that of its day, or one for all where keys have no time. */
export function claimBucket(source: string, config: SourceConfig, eventTimeMs: number): ClaimBucket {
  return hasTimeInKey(config)
    ? sliceBucket(source, 0, eventTimeMs)
    : { name: `${source}#all`, level: undefined };
}

/** The bucket in which requests are claimed as a whole. */
export function requestBucket(source: string): ClaimBucket {
  return { name: `${source}#requests`, level: undefined };
}

/**
 * Where keys of a closed bucket are claimed.
 *
 * @returns undefined where there is no finer slice: each key by itself
 */
export function finerBucket(
  source: string,
  { level }: ClaimBucket,
  eventTimeMs: number,
): ClaimBucket | undefined {
  return level === undefined || level + 1 >= SLICE_SECONDS.length
    ? undefined
    : sliceBucket(source, level + 1, eventTimeMs);
}

/** Whether a bucket with so many claims, in so many entries of its log, is to be closed. */
export function isFull(
  { level }: ClaimBucket,
  held: { readonly claims: number; readonly entries: number },
  limits: ClaimLimits,
): boolean {
  const max = level === undefined ? limits.withoutTime : limits.perSlice;
  return held.claims + limits.perEntry * held.entries >= max;
}
