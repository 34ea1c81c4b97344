import { createHash } from 'node:crypto';

/**
 * Where a unit of transport first stood: `kinesis/<stream>/<shard>/<sequence number>` for a Kinesis record,
 * `pull/<source>/<commit number>` for a pulled page, and so on. It is never the invocation or the batch: a
 * redelivery has the same origin. A record's identity is its origin plus its index inside it.
 */
export type Origin = string;

/** Digits that hold any Kinesis sequence number (56 today, 128-bit numbers at most 39, docs allow up to 128). */
const SEQUENCE_DIGITS = 128;

/** Bytes of a claimant id. */
export const CLAIMANT_BYTES = 8;

/** The origin of a Kinesis record. */
export function kinesisOrigin(stream: string, shardId: string, sequenceNumber: string): Origin {
  return `kinesis/${stream}/${shardId}/${sequenceNumber}`;
}

/** The identity of one record: its origin and its zero-based index inside it. */
export function recordIdentity(origin: Origin, index: number): string {
  return `${origin}/${String(index)}`;
}

/** Who claims a key, as 8 bytes of SHA-256 of the origin, so that claims stay small. */
export function toClaimant(origin: Origin): Buffer {
  return createHash('sha256').update(origin).digest().subarray(0, CLAIMANT_BYTES);
}

/**
 * Compares two positions of a lane (Kinesis sequence numbers: decimal strings of any length). As JavaScript
 * numbers, neighbouring sequence numbers are equal; as plain strings, '9' is greater than '10'.
 *
 * @returns negative when `a` is before `b`, 0 when equal, positive when after
 */
export function comparePositions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether a position is a sequence number: decimal, without leading zeros, and no longer than any that exist. */
export function isSequenceNumber(position: string): boolean {
  return position.length <= SEQUENCE_DIGITS && /^(0|[1-9]\d*)$/.test(position);
}

/** A position as a fixed-width string whose text order is its numeric order, for DynamoDB sort keys. */
export function padPosition(position: string): string {
  if (!isSequenceNumber(position)) {
    throw new RangeError(`not a sequence number without leading zeros: ${JSON.stringify(position)}`);
  }
  return position.padStart(SEQUENCE_DIGITS, '0');
}
