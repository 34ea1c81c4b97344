import { comparePositions, kinesisOrigin } from '../domain/identity.ts';
import type { Source } from '../domain/source.ts';
import { streamLane, type StreamBatch, type StreamRecord } from '../domain/stream-batch.ts';
import type { LedgerState } from '../ports/ledger-store.ts';
import { decodeStreamRecord } from './decode-stream-record.ts';
import type { LaneBatch, LaneReader, RecordEntry } from './lane.ts';

/** A delivery is what it is: nobody can be ahead of it. */
export interface StreamReader extends LaneReader {
  read(state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined>;
}

/**
 * Reads one delivery of a shard: the records behind the lane's position. A record never makes a batch fail, see
 * `decodeStreamRecord`.
 *
 * @param sourceOfStream name of the source whose own stream this is, if it is one
 */
export function createStreamReader(
  sources: ReadonlyMap<string, Source>,
  sourceOfStream: string | undefined,
  batch: StreamBatch,
): StreamReader {
  const take = createRecordTaker(sources, sourceOfStream, batch);
  return {
    lane: streamLane(batch),
    read({ position }: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
      const pending = batch.records.filter(
        ({ sequenceNumber }) => position === undefined || comparePositions(sequenceNumber, position) > 0,
      );
      const taken = take(pending, maxBytes);
      return Promise.resolve(
        taken && { ...taken, stem: `${batch.stream}-${batch.shardId}-${taken.from}-${taken.to}` },
      );
    },
  };
}

/** What is committed together, without its name. */
type TakenRecords = Omit<LaneBatch, 'stem'>;

/**
 * Makes a function that takes as many records from the front of pending ones as a batch may have bytes, one at least.
 * What it has decoded it keeps until the record is not pending any more: a few megabytes of frames may hold a gigabyte
 * of records.
 */
export function createRecordTaker(
  sources: ReadonlyMap<string, Source>,
  sourceOfStream: string | undefined,
  { stream, shardId }: Pick<StreamBatch, 'stream' | 'shardId'>,
): (pending: readonly StreamRecord[], maxBytes: number) => TakenRecords | undefined {
  const decoded = new Map<string, readonly RecordEntry[]>();
  const decode = ({ sequenceNumber, data, arrivedAtMs }: StreamRecord): readonly RecordEntry[] => {
    let entries = decoded.get(sequenceNumber);
    if (entries === undefined) {
      const origin = kinesisOrigin(stream, shardId, sequenceNumber);
      entries = decodeStreamRecord(sources, sourceOfStream, { origin, firstIndex: 0, arrivedAtMs, data });
      decoded.set(sequenceNumber, entries);
    }
    return entries;
  };
  return (pending, maxBytes) => {
    const isPending = new Set(pending.map(({ sequenceNumber }) => sequenceNumber));
    for (const sequenceNumber of decoded.keys()) {
      if (!isPending.has(sequenceNumber)) decoded.delete(sequenceNumber);
    }
    const entries: RecordEntry[] = [];
    let bytes = 0;
    let from: string | undefined;
    let to: string | undefined;
    for (const record of pending) {
      const ofRecord = decode(record);
      bytes += ofRecord.reduce((sum, entry) => sum + rawBytes(entry), 0);
      if (to !== undefined && bytes > maxBytes) break;
      from ??= record.sequenceNumber;
      to = record.sequenceNumber;
      entries.push(...ofRecord);
    }
    return from === undefined || to === undefined ? undefined : { from, to, entries };
  };
}

const rawBytes = (entry: RecordEntry): number =>
  entry.kind === 'frame' ? entry.frame.payload.length : entry.row.raw.length;
