import { isFrame, readFrame, recordBytes, type Frame } from '../domain/frame.ts';
import { HeadgateError } from '../domain/errors.ts';
import { comparePositions, kinesisOrigin, recordIdentity, type Origin } from '../domain/identity.ts';
import { splitRecords } from '../domain/json-records.ts';
import { UNKNOWN_SOURCE, type QuarantineReason, type QuarantineRow } from '../domain/quarantine.ts';
import type { Source } from '../domain/source.ts';
import type { LedgerState } from '../ports/ledger-store.ts';
import { judgeRecords } from './judge-records.ts';
import type { LaneBatch, LaneEntry, LaneReader } from './lane.ts';

/** Records of one shard, as an event-source mapping delivers them: in order of their sequence numbers. */
export interface StreamBatch {
  readonly stream: string;
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
}

export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly data: Uint8Array;
  /** When the stream received it, ms since the epoch: the same on every redelivery. */
  readonly arrivedAtMs: number;
}

/**
 * Reads one delivery of a shard. Frames are taken as they are; plain JSON on a source's own stream (an object, an array
 * or lines) goes through the same checks as a push. What cannot be read becomes a quarantine row: a record never makes
 * a batch fail.
 *
 * @param sourceOfStream name of the source whose own stream this is, if it is one
 */
export function createStreamReader(
  sources: ReadonlyMap<string, Source>,
  sourceOfStream: string | undefined,
  batch: StreamBatch,
): LaneReader {
  /** Entries by sequence number, until they are committed: a few megabytes of frames may hold a gigabyte of records. */
  const decoded = new Map<string, readonly LaneEntry[]>();
  const decode = (record: StreamRecord): readonly LaneEntry[] => {
    let entries = decoded.get(record.sequenceNumber);
    if (entries === undefined) {
      const origin = kinesisOrigin(batch.stream, batch.shardId, record.sequenceNumber);
      entries = decodeRecord(sources, sourceOfStream, origin, record);
      decoded.set(record.sequenceNumber, entries);
    }
    return entries;
  };
  return {
    lane: `kinesis/${batch.stream}/${batch.shardId}`,
    read(state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
      const { position } = state;
      const isPending = (sequenceNumber: string): boolean =>
        position === undefined || comparePositions(sequenceNumber, position) > 0;
      const todo = batch.records.filter(({ sequenceNumber }) => isPending(sequenceNumber));
      for (const sequenceNumber of decoded.keys()) {
        if (!isPending(sequenceNumber)) decoded.delete(sequenceNumber);
      }
      const entries: LaneEntry[] = [];
      let bytes = 0;
      let from: string | undefined;
      let to: string | undefined;
      for (const record of todo) {
        const ofRecord = decode(record);
        bytes += ofRecord.reduce((sum, entry) => sum + rawBytes(entry), 0);
        if (to !== undefined && bytes > maxBytes) break;
        from ??= record.sequenceNumber;
        to = record.sequenceNumber;
        entries.push(...ofRecord);
      }
      if (from === undefined || to === undefined) return Promise.resolve(undefined);
      return Promise.resolve({ from, to, stem: `${batch.stream}-${batch.shardId}-${from}-${to}`, entries });
    },
  };
}

const rawBytes = (entry: LaneEntry): number =>
  entry.kind === 'frame' ? entry.frame.payload.length : entry.row.raw.length;

function decodeRecord(
  sources: ReadonlyMap<string, Source>,
  sourceOfStream: string | undefined,
  origin: Origin,
  record: StreamRecord,
): readonly LaneEntry[] {
  const whole = (reason: QuarantineReason, source: string, error: string): LaneEntry =>
    quarantined(origin, { source, reason, error, raw: record.data, receivedAtMs: record.arrivedAtMs });
  if (isFrame(record.data)) {
    try {
      return decodeFrame(sources, origin, readFrame(record.data));
    } catch (error) {
      if (!(error instanceof HeadgateError) || error.disposition !== 'reject') throw error;
      return [whole('UNREADABLE_FRAME', sourceOfStream ?? UNKNOWN_SOURCE, error.message)];
    }
  }
  const source = sourceOfStream === undefined ? undefined : sources.get(sourceOfStream);
  if (source === undefined) {
    const error =
      'the record is not a frame, and the stream belongs to no single source; push it to the API, or declare a source ' +
      "of type 'stream', which has a stream of its own";
    return [whole('UNKNOWN_SOURCE', UNKNOWN_SOURCE, error)];
  }
  return decodePlain(source, origin, record);
}

/** A frame of records that were validated where it was written. */
function decodeFrame(
  sources: ReadonlyMap<string, Source>,
  origin: Origin,
  frame: Frame,
): readonly LaneEntry[] {
  const { header } = frame;
  const source = sources.get(header.source);
  if (source === undefined) {
    const error = `source ${JSON.stringify(header.source)} is not declared in this deployment's configuration`;
    return recordsOf(frame).map((raw, index) =>
      quarantined(origin, {
        source: UNKNOWN_SOURCE,
        reason: 'UNKNOWN_SOURCE',
        error,
        raw,
        receivedAtMs: header.receivedAtMs,
        schemaVersion: header.contractVersion,
        index,
      }),
    );
  }
  if (header.contractVersion === source.contract.version) return [{ kind: 'frame', origin, source, frame }];
  // The contract has changed while the frame was on its way: its records are judged by the one that is deployed now.
  return [{ kind: 'frame', origin, source, frame: judgeRecords(source, header, recordsOf(frame)) }];
}

const recordsOf = (frame: Frame): Buffer[] =>
  Array.from({ length: frame.count }, (_, index) => recordBytes(frame, index));

/** JSON that somebody put on the source's own stream without framing it. */
function decodePlain(source: Source, origin: Origin, record: StreamRecord): readonly LaneEntry[] {
  const header = { source: source.name, frameId: origin, receivedAtMs: record.arrivedAtMs };
  const texts = splitRecords(record.data);
  if (texts.length === 0) return [];
  return [{ kind: 'frame', origin, source, frame: judgeRecords(source, header, texts) }];
}

function quarantined(
  origin: Origin,
  row: Pick<QuarantineRow, 'source' | 'reason' | 'error' | 'raw' | 'receivedAtMs'> & {
    readonly schemaVersion?: string;
    readonly index?: number;
  },
): LaneEntry {
  return {
    kind: 'quarantine',
    row: {
      source: row.source,
      reason: row.reason,
      error: row.error,
      raw: row.raw,
      receivedAtMs: row.receivedAtMs,
      id: recordIdentity(origin, row.index ?? 0),
      key: undefined,
      schemaVersion: row.schemaVersion,
    },
  };
}
