import { isFrame, readFrame, recordBytes, type Frame } from '../domain/frame.ts';
import { HeadgateError } from '../domain/errors.ts';
import { recordIdentity, type Origin } from '../domain/identity.ts';
import { splitRecords } from '../domain/json-records.ts';
import { UNKNOWN_SOURCE, type QuarantineReason, type QuarantineRow } from '../domain/quarantine.ts';
import type { Source } from '../domain/source.ts';
import { judgeRecords } from './judge-records.ts';
import type { RecordEntry } from './lane.ts';

/** A stream record, or a part of one, with its place. */
export interface RecordToDecode {
  readonly origin: Origin;
  /** Index of the first record inside its origin. */
  readonly firstIndex: number;
  /** When the stream received it, ms since the epoch. */
  readonly arrivedAtMs: number;
  /** A frame, or what others have written to a source's own stream. */
  readonly data: Uint8Array;
}

/**
 * What stands in one stream record. Frames are taken as they are, unless the contract has changed since they were
 * written; plain JSON on a source's own stream (an object, an array or lines) goes through the same checks as a push.
 * What cannot be read becomes a quarantine row. The same record always gives the same records at the same indices,
 * whatever the contract says of them.
 *
 * @param sourceOfStream name of the source that plain JSON belongs to, if it is one
 */
export function decodeStreamRecord(
  sources: ReadonlyMap<string, Source>,
  sourceOfStream: string | undefined,
  record: RecordToDecode,
): readonly RecordEntry[] {
  const whole = (reason: QuarantineReason, source: string, error: string): RecordEntry =>
    quarantined(record, 0, { source, reason, error, raw: record.data, receivedAtMs: record.arrivedAtMs });
  if (isFrame(record.data)) {
    try {
      return decodeFrame(sources, record, readFrame(record.data));
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
  return decodePlain(source, record);
}

/** A frame of records that were validated where it was written. */
function decodeFrame(
  sources: ReadonlyMap<string, Source>,
  record: RecordToDecode,
  frame: Frame,
): readonly RecordEntry[] {
  const { header } = frame;
  const { origin, firstIndex } = record;
  const source = sources.get(header.source);
  if (source === undefined) {
    const error = `source ${JSON.stringify(header.source)} is not declared in this deployment's configuration`;
    return recordsOf(frame).map((raw, index) =>
      quarantined(record, index, {
        source: UNKNOWN_SOURCE,
        reason: 'UNKNOWN_SOURCE',
        error,
        raw,
        receivedAtMs: header.receivedAtMs,
        schemaVersion: header.contractVersion,
      }),
    );
  }
  const isCurrent = header.contractVersion === source.contract.version;
  // Otherwise the contract has changed while the frame was on its way: its records are judged by the deployed one.
  const judged = isCurrent ? frame : judgeRecords(source, header, recordsOf(frame));
  return [{ kind: 'frame', origin, firstIndex, source, frame: judged }];
}

const recordsOf = (frame: Frame): Buffer[] =>
  Array.from({ length: frame.count }, (_, index) => recordBytes(frame, index));

/** JSON that somebody put on the source's own stream without framing it. */
function decodePlain(
  source: Source,
  { origin, firstIndex, arrivedAtMs, data }: RecordToDecode,
): readonly RecordEntry[] {
  const header = { source: source.name, frameId: origin, receivedAtMs: arrivedAtMs };
  const texts = splitRecords(data);
  if (texts.length === 0) return [];
  return [{ kind: 'frame', origin, firstIndex, source, frame: judgeRecords(source, header, texts) }];
}

function quarantined(
  { origin, firstIndex }: RecordToDecode,
  index: number,
  row: Pick<QuarantineRow, 'source' | 'reason' | 'error' | 'raw' | 'receivedAtMs'> & {
    readonly schemaVersion?: string;
  },
): RecordEntry {
  return {
    kind: 'quarantine',
    row: {
      ...row,
      id: recordIdentity(origin, firstIndex + index),
      key: undefined,
      schemaVersion: row.schemaVersion,
    },
  };
}
