import { isQuarantineReason, type QuarantineReason } from './quarantine.ts';

/*
 * Where objects of the lake stand. Names derive from positions and intent versions, never from the clock or a random
 * number: the key of an announced file is what several writers agree on.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** How a source is partitioned. */
export type PartitionUnit = 'hour' | 'day';

/** The number of the partition that an event time falls into: hours or days since the epoch (UTC). */
export function partitionNumber(unit: PartitionUnit, eventTimeMs: number): number {
  return Math.floor(eventTimeMs / (unit === 'hour' ? HOUR_MS : DAY_MS));
}

/** Hive path of a partition: `dt=2026-01-31/hour=07`, or `dt=2026-01-31`. */
export function partitionPath(unit: PartitionUnit, number: number): string {
  const iso = new Date(number * (unit === 'hour' ? HOUR_MS : DAY_MS)).toISOString();
  // Years before 0 and after 9999 have a sign and six digits; everything else has a fixed width.
  const day = iso.slice(0, iso.indexOf('T'));
  return unit === 'hour' ? `dt=${day}/hour=${iso.slice(day.length + 1, day.length + 3)}` : `dt=${day}`;
}

/** Key of a data file. */
export function rawKey(source: string, partition: string, stem: string, version: number): string {
  return `raw/${source}/${partition}/${stem}-v${String(version)}.parquet`;
}

/** Key of a quarantine file; its date is that of receipt. */
export function quarantineKey(
  source: string,
  reason: QuarantineReason,
  receivedAtMs: number,
  stem: string,
  version: number,
): string {
  const date = partitionPath('day', partitionNumber('day', receivedAtMs));
  return `quarantine/${source}/reason=${reason}/${date}/${stem}-v${String(version)}.parquet`;
}

/** What the key of a quarantine file says of it. */
export interface QuarantinePlace {
  readonly source: string;
  readonly reason: QuarantineReason;
  /** Day of receipt (UTC): `2026-01-31`. */
  readonly day: string;
}

/** Reads what `quarantineKey` has written; undefined for any other key. */
export function parseQuarantineKey(key: string): QuarantinePlace | undefined {
  const [, source, reason, day] =
    /^quarantine\/([^/]+)\/reason=([A-Z_]+)\/dt=([-+\d]+)\/[^/]+\.parquet$/.exec(key) ?? [];
  if (source === undefined || reason === undefined || day === undefined) return undefined;
  return isQuarantineReason(reason) ? { source, reason, day } : undefined;
}
