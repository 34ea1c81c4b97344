import { isFrame, RecordFlag, writeFrame, type FrameRecord } from '../../domain/frame.ts';
import type { Origin } from '../../domain/identity.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import { UNKNOWN_SOURCE, type Attempt, type QuarantineRow } from '../../domain/quarantine.ts';
import { hourOf, SettledTally, type SettledHour } from '../../domain/record-counts.ts';
import type { Source } from '../../domain/source.ts';
import type { StagedPart } from '../../domain/staged-batch.ts';
import { decodeStreamRecord } from '../decode-stream-record.ts';
import { MAX_STAGED_PARTITIONS } from '../staged-entries.ts';

/** A row that cannot be replayed as it is. */
export interface StayingRow {
  readonly number: number;
  readonly id: string;
  /** For people; each names the field, what is wrong with it, or what to do. */
  readonly problems: readonly string[];
}

/** Records of one row, as they can be staged. */
export interface Candidate {
  readonly number: number;
  readonly origin: Origin;
  readonly index: number;
  readonly bytes: number;
  /** Partitions that its records fall into. */
  readonly partitions: readonly string[];
  readonly arrivedAtMs: number;
  /** Attempts to land it so far. */
  readonly attempts: number;
  /** Source that the row is counted under. */
  readonly countedFor: string;
  /** One record, which can share a frame with its neighbours, a whole stream record, or what is given up. */
  readonly content:
    | { readonly kind: 'nothing' }
    | { readonly kind: 'record'; readonly source: Source; readonly record: FrameRecord }
    | { readonly kind: 'whole'; readonly source: string | undefined; readonly data: Uint8Array };
}

/** A row as it can be staged, or why it stays. */
export function toCandidate(
  sources: ReadonlyMap<string, Source>,
  named: string | undefined,
  number: number,
  row: QuarantineRow,
  edited: Uint8Array | undefined,
): Candidate | StayingRow {
  const { id, receivedAtMs } = row;
  const raw = edited ?? row.raw;
  const stays = (...problems: readonly string[]): StayingRow => ({ number, id, problems });
  const slash = id.lastIndexOf('/');
  const place = {
    number,
    origin: id.slice(0, slash),
    index: Number(id.slice(slash + 1)),
    arrivedAtMs: receivedAtMs,
    attempts: row.replayed?.number ?? 1,
    countedFor: row.source,
  };
  const name = row.source === UNKNOWN_SOURCE ? named : row.source;
  if (isWholeRecord(row)) return toWhole(sources, name, place, raw, stays);
  if (name === undefined) return stays('the row belongs to no source; name the one that it belongs to');
  const source = sources.get(name);
  if (source === undefined)
    return stays(`source ${JSON.stringify(name)} is not declared in this configuration`);
  const checked = source.check(raw, receivedAtMs);
  if (checked.status !== 'accepted') return stays(...checked.violations.map(({ message }) => message));
  const { record } = checked;
  if (edited === undefined && row.reason === 'KEY_CONFLICT' && row.key === toHex(record.fingerprint)) {
    return stays(
      `another record with the same key (${source.config.key.join(', ')}) was accepted before; edit the record, or name ` +
        'more fields in the key of the source',
    );
  }
  const content = { kind: 'record', source, record } as const;
  return { ...place, bytes: raw.length, partitions: [partitionOf(source, record.eventTimeMs)], content };
}

/** Whether a row holds a whole stream record: nothing could be read of it, not even a contract version. */
function isWholeRecord({ reason, schemaVersion }: QuarantineRow): boolean {
  return reason === 'UNREADABLE_FRAME' || (reason === 'UNKNOWN_SOURCE' && schemaVersion === undefined);
}

function toWhole(
  sources: ReadonlyMap<string, Source>,
  name: string | undefined,
  place: Pick<Candidate, 'number' | 'origin' | 'index' | 'arrivedAtMs' | 'attempts' | 'countedFor'>,
  data: Uint8Array,
  stays: (...problems: readonly string[]) => StayingRow,
): Candidate | StayingRow {
  if (!isFrame(data) && name === undefined) {
    return stays('the record is no frame and belongs to no source; name the one that it belongs to');
  }
  const { origin, arrivedAtMs } = place;
  const partitions = new Set<string>();
  let bytes = 0;
  for (const entry of decodeStreamRecord(sources, name, { origin, firstIndex: 0, arrivedAtMs, data })) {
    if (entry.kind === 'quarantine') return stays(entry.row.error);
    const { frame, source } = entry;
    bytes += frame.payload.length;
    for (let i = 0; i < frame.count; i++) {
      if (frame.flags[i] === RecordFlag.violation) continue;
      partitions.add(partitionOf(source, frame.eventTimesMs[i] ?? 0));
    }
  }
  return { ...place, bytes, partitions: [...partitions], content: { kind: 'whole', source: name, data } };
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const partitionOf = ({ name, config }: Source, eventTimeMs: number): string =>
  `${name}/${String(partitionNumber(config.partition, eventTimeMs))}`;

/** Raw bytes of one batch, one row at least. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** As many of the first candidates as one commit takes, one at least. */
export function fillBatch(pending: readonly Candidate[], maxBytes: number): readonly Candidate[] {
  const partitions = new Set<string>();
  let bytes = 0;
  const end = pending.findIndex((candidate, i) => {
    bytes += candidate.bytes;
    for (const partition of candidate.partitions) partitions.add(partition);
    return i > 0 && (bytes > Math.min(maxBytes, MAX_BATCH_BYTES) || partitions.size > MAX_STAGED_PARTITIONS);
  });
  return end < 0 ? pending : pending.slice(0, end);
}

/** What the quarantine loses with these rows; what they become is counted as it lands. */
export function toSettled(batch: readonly Candidate[]): readonly SettledHour[] {
  const tally = new SettledTally();
  for (const { countedFor, arrivedAtMs, content } of batch) {
    const discarded = content.kind === 'nothing' ? 1 : 0;
    tally.add(countedFor, hourOf(arrivedAtMs), { quarantined: -1, discarded });
  }
  return tally.toHours();
}

/**
 * One part per run of records that follow each other in one origin, and per whole record.
 *
 * @param nowMs when they are replayed
 */
export function toParts(batch: readonly Candidate[], nowMs: number): readonly StagedPart[] {
  const attemptOf = ({ attempts }: Candidate): Attempt => ({ number: attempts + 1, atMs: nowMs });
  const parts: StagedPart[] = [];
  let run:
    { readonly first: Candidate; readonly source: Source; readonly records: FrameRecord[] } | undefined;
  const endRun = (): void => {
    if (run === undefined) return;
    const { first, source, records } = run;
    const { origin, index: firstIndex, arrivedAtMs } = first;
    const header = {
      source: source.name,
      frameId: origin,
      contractVersion: source.contract.version,
      receivedAtMs: arrivedAtMs,
    };
    // Where requests are claimed as a whole, this one was when its frame was delivered. (Not if its source was unknown
    // then; but of what request a row was the file does not say.)
    parts.push({
      origin,
      firstIndex,
      claims: 'none',
      arrivedAtMs,
      replayed: attemptOf(first),
      bytes: writeFrame(header, records),
    });
    run = undefined;
  };
  for (const candidate of batch) {
    const { content, origin, index, arrivedAtMs } = candidate;
    if (content.kind === 'nothing') continue;
    if (content.kind === 'whole') {
      endRun();
      parts.push({
        origin,
        firstIndex: 0,
        source: content.source,
        arrivedAtMs,
        replayed: attemptOf(candidate),
        bytes: content.data,
      });
      continue;
    }
    const follows =
      run !== undefined &&
      run.first.origin === origin &&
      run.first.index + run.records.length === index &&
      run.first.arrivedAtMs === arrivedAtMs &&
      run.first.attempts === candidate.attempts &&
      run.source === content.source;
    if (!follows) {
      endRun();
      run = { first: candidate, source: content.source, records: [] };
    }
    run?.records.push(content.record);
  }
  endRun();
  return parts;
}
