import type { Contract } from '../../domain/contract.ts';
import { extraOf } from '../../domain/extra-of.ts';
import { RecordFlag, recordBytes, type Frame } from '../../domain/frame.ts';
import { FINGERPRINT_BYTES } from '../../domain/idempotency-key.ts';
import { recordIdentity, type Origin } from '../../domain/identity.ts';
import type { LineFiles } from './line-files.ts';

/*
 * A row is one line of JSON: the record's original bytes with what the lake adds spliced in behind the opening brace,
 *
 *   {"~x4k2f9i":"kinesis/…/0","~x4k2f9v":"…","~x4k2f9r":…,"~x4k2f9k":"…","~x4k2f9e":…,  "id":7, … }
 *
 * so that the record is neither parsed nor copied more than once and DuckDB finds the contract's fields at the top
 * level. The names begin with a prefix that is random per process: no record can have them by accident or on purpose.
 * (If one did, DuckDB would report the duplicate key, and the record would be unwritable, not wrong.)
 */

/** Names of the added fields. */
export interface AddedFields {
  readonly id: string;
  readonly schemaVersion: string;
  /** Milliseconds since the epoch, as the event time. */
  readonly receivedAt: string;
  readonly key: string;
  readonly eventTime: string;
  readonly extra: string;
}

/** @param prefix letters, digits, `~`: a name that needs no escapes in JSON */
export function nameAddedFields(prefix: string): AddedFields {
  return {
    id: `${prefix}i`,
    schemaVersion: `${prefix}v`,
    receivedAt: `${prefix}r`,
    key: `${prefix}k`,
    eventTime: `${prefix}e`,
    extra: `${prefix}x`,
  };
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;
const DIGIT_0 = 0x30;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
/** Room for the added text that varies per record: index, key, event time, punctuation. */
const VARIABLE_BYTES = 128;

/** Where the first field of an object begins, or its closing brace. */
function firstFieldAt(payload: Buffer, start: number): number {
  let at = start + 1;
  while ((payload[at] ?? CLOSING_BRACE) <= SPACE) at++;
  return at;
}

function writeDigits(buffer: Buffer, at: number, value: number): number {
  if (value >= 10) at = writeDigits(buffer, at, Math.floor(value / 10));
  buffer[at] = DIGIT_0 + (value % 10);
  return at + 1;
}

function writeHex(buffer: Buffer, at: number, bytes: Buffer, from: number, length: number): number {
  for (let i = from; i < from + length; i++) {
    const byte = bytes[i] ?? 0;
    buffer[at++] = HEX_DIGITS[byte >> 4] ?? 0;
    buffer[at++] = HEX_DIGITS[byte & 15] ?? 0;
  }
  return at;
}

function extraText(contract: Contract, frame: Frame, index: number, fields: AddedFields): Buffer | undefined {
  if (frame.flags[index] !== RecordFlag.extra) return undefined;
  const record = JSON.parse(recordBytes(frame, index).toString('utf8')) as Record<string, unknown>;
  const extra = extraOf(contract, record);
  return extra === undefined ? undefined : Buffer.from(`,"${fields.extra}":${JSON.stringify(extra)}`);
}

/** Writes one line per record of a frame. */
export function writeRowLines(
  files: LineFiles,
  contract: Contract,
  fields: AddedFields,
  frame: Frame,
  origin: Origin,
  indices: readonly number[],
): void {
  const { header, payload, offsets, fingerprints, eventTimesMs } = frame;
  const identity = JSON.stringify(recordIdentity(origin, 0)).slice(0, -2);
  const beforeIndex = Buffer.from(`{"${fields.id}":${identity}`);
  const afterIndex = Buffer.from(
    `","${fields.schemaVersion}":${JSON.stringify(header.contractVersion)},` +
      `"${fields.receivedAt}":${String(Math.floor(header.receivedAtMs))},"${fields.key}":"`,
  );
  const afterKey = Buffer.from(`","${fields.eventTime}":`);
  const addedBytes = beforeIndex.length + afterIndex.length + afterKey.length + VARIABLE_BYTES;
  // A newline inside a JSON text is white space: inside a string it is written as an escape.
  const hasNewlines = payload.includes(NEWLINE);
  for (const index of indices) {
    const start = offsets[index] ?? 0;
    const end = offsets[index + 1] ?? 0;
    const extra = extraText(contract, frame, index, fields);
    const line = files.startLine(addedBytes + (extra?.length ?? 0) + end - start);
    const { buffer } = line;
    let at = line.at;
    at += beforeIndex.copy(buffer, at);
    at = writeDigits(buffer, at, index);
    at += afterIndex.copy(buffer, at);
    at = writeHex(buffer, at, fingerprints, index * FINGERPRINT_BYTES, FINGERPRINT_BYTES);
    at += afterKey.copy(buffer, at);
    at += buffer.write(String(Math.floor(eventTimesMs[index] ?? 0)), at, 'latin1');
    if (extra !== undefined) at += extra.copy(buffer, at);
    const fieldsAt = firstFieldAt(payload, start);
    if (payload[fieldsAt] !== CLOSING_BRACE) buffer[at++] = COMMA;
    const recordAt = at;
    at += payload.copy(buffer, at, fieldsAt, end);
    if (hasNewlines) {
      for (let i = recordAt; i < at; i++) if (buffer[i] === NEWLINE) buffer[i] = SPACE;
    }
    buffer[at++] = NEWLINE;
    files.endLine(at);
  }
}
