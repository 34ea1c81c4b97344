import { RecordFlag, recordBytes, type Frame } from '../domain/frame.ts';
import { FINGERPRINT_BYTES } from '../domain/idempotency-key.ts';
import { recordIdentity } from '../domain/identity.ts';
import { partitionNumber } from '../domain/object-key.ts';
import type { QuarantineReason, QuarantineRow } from '../domain/quarantine.ts';
import { hourOf } from '../domain/record-counts.ts';
import type { Source } from '../domain/source.ts';
import type { FrameSlice } from '../ports/table-writer.ts';
import type { LaneBatch, LaneEntry, RecordNote, TableEntry } from './lane.ts';

/** The records of one frame that fall into one partition. */
interface PartitionSlice extends FrameSlice {
  readonly indices: number[];
}

/** A frame and where it stands. */
type PlacedFrame = Pick<FrameSlice, 'frame' | 'origin' | 'firstIndex' | 'replayed'>;

/** The records of one source that fall into one partition, and so into one data file. */
export interface PartitionPlan {
  readonly source: Source;
  /** Number of the partition, see `partitionNumber`. */
  readonly number: number;
  readonly slices: PartitionSlice[];
}

interface PlannedQuarantine {
  readonly row: QuarantineRow;
  /** The record's place, if it came in a frame. */
  readonly frame?: Frame;
  readonly index?: number;
}

/** Where the records of a batch belong. */
export interface BatchPlan {
  readonly partitions: readonly PartitionPlan[];
  /** Files that are finished already. */
  readonly tables: readonly TableEntry[];
  /** Records that are known to go to quarantine before any key is claimed. */
  readonly quarantine: readonly PlannedQuarantine[];
  readonly records: number;
  /** Raw bytes of the records. */
  readonly bytes: number;
  /** Upper bound of the files that the batch needs. */
  readonly fileCount: number;
  /** Hours of receipt, of each source: what the commit counts by. */
  readonly hourCount: number;
}

/**
 * Partitions that one entry may fall into: about what a function can write within its time. Only a record of a stream
 * that holds many plain records, or a pulled page, can have more.
 */
const MAX_PARTITIONS = 10_000;

/** Divides a batch into partitions by event time, in one pass over the frames' indices. */
export function planBatch(batch: LaneBatch): BatchPlan {
  const partitions = new Map<Source, Map<number, PartitionPlan>>();
  const tables: TableEntry[] = [];
  const quarantine: PlannedQuarantine[] = [];
  let records = 0;
  let bytes = 0;
  for (const entry of batch.entries) {
    if (entry.kind === 'quarantine') {
      quarantine.push({ row: entry.row });
      records++;
      bytes += entry.row.raw.length;
      continue;
    }
    if (entry.kind === 'table') {
      tables.push(entry);
      records += entry.rows;
      bytes += entry.bytes;
      continue;
    }
    const { source, frame, origin, firstIndex, replayed } = entry;
    records += frame.count;
    bytes += frame.payload.length;
    let ofSource = partitions.get(source);
    if (ofSource === undefined) partitions.set(source, (ofSource = new Map<number, PartitionPlan>()));
    const slices = new Map<number, PartitionSlice>();
    for (let i = 0; i < frame.count; i++) {
      if (frame.flags[i] === RecordFlag.violation) {
        quarantine.push({ row: violationRow(source, entry, i, entry.notes?.get(i)), frame, index: i });
        continue;
      }
      const number = partitionNumber(source.config.partition, frame.eventTimesMs[i] ?? 0);
      let slice = slices.get(number);
      if (slice === undefined) {
        slices.set(number, (slice = { origin, firstIndex, frame, replayed, indices: [] }));
        let partition = ofSource.get(number);
        if (partition === undefined) ofSource.set(number, (partition = { source, number, slices: [] }));
        partition.slices.push(slice);
      }
      slice.indices.push(i);
    }
  }
  const all = [...partitions.values()].flatMap((ofSource) => [...ofSource.values()]);
  // What stands at one position is committed at once, or the lane would stand still.
  const rest = batch.entries.length > 1 ? [] : all.splice(MAX_PARTITIONS);
  for (const { source, slices } of rest)
    for (const slice of slices) quarantine.push(...scattered(source, slice));
  return {
    partitions: all,
    tables,
    quarantine,
    records,
    bytes,
    fileCount: all.length + tables.length + groupQuarantine(quarantine.map(({ row }) => row)).length,
    hourCount: countHours(batch),
  };
}

function countHours({ entries, settled = [] }: LaneBatch): number {
  const hours = new Set(settled.map(({ source, hour }) => `${source}/${String(hour)}`));
  for (const entry of entries) hours.add(hourName(entry));
  return hours.size;
}

/** Names the source of an entry and the hour in which it was received. */
export function hourName(entry: LaneEntry): string {
  switch (entry.kind) {
    case 'quarantine':
      return `${entry.row.source}/${String(hourOf(entry.row.receivedAtMs))}`;
    case 'table':
      return `${entry.source.name}/${String(hourOf(entry.receivedAtMs))}`;
    case 'frame':
      return `${entry.source.name}/${String(hourOf(entry.frame.header.receivedAtMs))}`;
  }
}

function scattered(source: Source, slice: PartitionSlice): PlannedQuarantine[] {
  const error = `came together with records of more than ${String(MAX_PARTITIONS)} other partitions (sources.${source.name}.partition is ${source.config.partition})`;
  return slice.indices.map((index) => ({
    row: quarantineRow(source.name, slice, index, 'SCATTERED', error),
    frame: slice.frame,
    index,
  }));
}

/** Rules of a record as a whole that say it is no JSON object. */
const MALFORMED_RULES: ReadonlySet<string> = new Set(['utf8', 'json', 'type']);

function violationRow(
  source: Source,
  placed: PlacedFrame,
  index: number,
  note: RecordNote | undefined,
): QuarantineRow {
  const { frame } = placed;
  const raw = recordBytes(frame, index);
  // Only records in quarantine are parsed a second time, to say what is wrong with them.
  const { violations } = source.check(raw, frame.header.receivedAtMs);
  const problem = note?.problem ?? violations.map((violation) => violation.message).join('; ');
  const error = note === undefined ? problem : `${note.place}: ${problem}`;
  const isMalformed =
    note?.problem !== undefined ||
    violations.some(({ field, rule }) => field === '' && MALFORMED_RULES.has(rule));
  return quarantineRow(source.name, placed, index, isMalformed ? 'MALFORMED' : 'CONTRACT', error);
}

/** A record of a frame as a row of a quarantine file. */
export function quarantineRow(
  source: string,
  { frame, origin, firstIndex, replayed }: PlacedFrame,
  index: number,
  reason: QuarantineReason,
  error: string,
): QuarantineRow {
  const at = index * FINGERPRINT_BYTES;
  return {
    source,
    reason,
    id: recordIdentity(origin, firstIndex + index),
    // A violation has claimed no key, its fingerprint is zeros.
    key:
      frame.flags[index] === RecordFlag.violation
        ? undefined
        : frame.fingerprints.toString('hex', at, at + FINGERPRINT_BYTES),
    receivedAtMs: frame.header.receivedAtMs,
    schemaVersion: frame.header.contractVersion,
    error,
    raw: recordBytes(frame, index),
    ...(replayed !== undefined && { replayed }),
  };
}

/** The rows of one quarantine file. */
interface QuarantineGroup {
  readonly source: string;
  readonly reason: QuarantineReason;
  readonly receivedAtMs: number;
  readonly rows: QuarantineRow[];
}

/** One group per quarantine file: source, reason and date of receipt. */
export function groupQuarantine(rows: readonly QuarantineRow[]): QuarantineGroup[] {
  const groups = new Map<string, QuarantineGroup>();
  for (const row of rows) {
    const name = `${row.source}/${row.reason}/${String(partitionNumber('day', row.receivedAtMs))}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { ...row, rows: [row] });
    else group.rows.push(row);
  }
  return [...groups.values()];
}
