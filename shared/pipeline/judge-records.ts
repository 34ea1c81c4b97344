import { RecordFlag, toFrame, type Frame, type FrameHeader, type FrameRecord } from '../domain/frame.ts';
import { FINGERPRINT_BYTES, payloadDigest } from '../domain/idempotency-key.ts';
import type { Source } from '../domain/source.ts';

const NO_FINGERPRINT = Buffer.alloc(FINGERPRINT_BYTES);

/**
 * Checks a record that has no sender who could be told: what the contract refuses, or is not JSON at all, is kept in
 * quarantine like any other violation.
 */
export function judgeRecord(source: Source, bytes: Uint8Array, receivedAtMs: number): FrameRecord {
  const checked = source.check(bytes, receivedAtMs);
  if (checked.status !== 'rejected') return checked.record;
  return {
    bytes,
    flag: RecordFlag.violation,
    fingerprint: NO_FINGERPRINT,
    digest: payloadDigest(bytes),
    eventTimeMs: receivedAtMs,
  };
}

/**
 * A frame of all these records as the contract that is deployed now judges them. Every record keeps its index, whatever
 * the contract says: under it an earlier attempt, before a deployment, may have claimed the record's key.
 */
export function judgeRecords(
  source: Source,
  header: Omit<FrameHeader, 'contractVersion'>,
  texts: readonly Uint8Array[],
): Frame {
  const records = texts.map((bytes) => judgeRecord(source, bytes, header.receivedAtMs));
  return toFrame({ ...header, contractVersion: source.contract.version }, records);
}
