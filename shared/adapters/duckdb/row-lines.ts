import type { Contract } from '../../domain/contract.ts';
import { extraOf } from '../../domain/extra-of.ts';
import { RecordFlag, recordBytes, type Frame } from '../../domain/frame.ts';
import { FINGERPRINT_BYTES } from '../../domain/idempotency-key.ts';
import { recordIdentity } from '../../domain/identity.ts';
import { findSpan } from '../../domain/json-spans.ts';
import { EXTRA_MEMBER } from '../../domain/row-json.ts';
import type { FrameSlice } from '../../ports/table-writer.ts';
import type { LineFiles } from './line-files.ts';

/*
 * A row is one line of JSON: the record's original bytes with what the lake adds spliced in behind the opening brace,
 *
 *   {"4k2f9xai":"…80/0","4k2f9xak":"…","4k2f9xae":1234,  "id":7, … }
 *
 * so that the record is neither parsed nor copied more than once and DuckDB finds the contract's fields at the top
 * level. What all rows of a call have in common is not in the lines but in the statement (`RowDefaults`): lines are
 * parsed, and every byte of them costs time.
 *
 * The names begin with a prefix that is random per process: no record can have them by accident or on purpose. (If one
 * did, DuckDB would report the duplicate key, and the record would be unwritable, not wrong.)
 */

/** Names of the added fields. */
export interface AddedFields {
  /** The identity without the common beginning. */
  readonly id: string;
  /** Where it is not the common one. */
  readonly schemaVersion: string;
  /** Milliseconds after the common time, where it is not the common one. */
  readonly receivedAt: string;
  readonly key: string;
  /** Milliseconds after the common time. */
  readonly eventTime: string;
  readonly extra: string;
}

/** @param prefix small letters and digits: DuckDB's names ignore case, and JSON needs no escapes */
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

/** What lines leave out. */
export interface RowDefaults {
  /** All identities begin with this; printable ASCII. */
  readonly idPrefix: string;
  readonly schemaVersion: string;
  /** Milliseconds since the epoch, whole. */
  readonly receivedAtMs: number;
  readonly eventTimeMs: number;
}

/** The defaults that make the lines of these slices short. */
export function toRowDefaults(slices: readonly FrameSlice[]): RowDefaults {
  const [first] = slices;
  if (first === undefined) return { idPrefix: '', schemaVersion: '', receivedAtMs: 0, eventTimeMs: 0 };
  const { header, eventTimesMs } = first.frame;
  let idPrefix = /^[ -~]*/.exec(first.origin)?.[0] ?? '';
  for (const { origin } of slices) {
    let length = 0;
    while (length < idPrefix.length && origin[length] === idPrefix[length]) length++;
    idPrefix = idPrefix.slice(0, length);
  }
  return {
    idPrefix,
    schemaVersion: header.contractVersion,
    receivedAtMs: Math.floor(header.receivedAtMs),
    eventTimeMs: Math.floor(eventTimesMs[first.indices[0] ?? 0] ?? 0),
  };
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;
const MINUS = 0x2d;
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

function writeInteger(buffer: Buffer, at: number, value: number): number {
  if (value < 0) {
    buffer[at++] = MINUS;
    value = -value;
  }
  if (value >= 10) at = writeInteger(buffer, at, Math.floor(value / 10));
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
  if (frame.flags[index] === RecordFlag.carried) return carriedExtraText(frame, index, fields);
  if (frame.flags[index] !== RecordFlag.extra) return undefined;
  const record = JSON.parse(recordBytes(frame, index).toString('utf8')) as Record<string, unknown>;
  const extra = extraOf(contract, record);
  return extra === undefined ? undefined : Buffer.from(`,"${fields.extra}":${JSON.stringify(extra)}`);
}

function carriedExtraText(frame: Frame, index: number, fields: AddedFields): Buffer | undefined {
  const record = recordBytes(frame, index);
  const span = findSpan(record, [EXTRA_MEMBER]);
  return span && Buffer.concat([Buffer.from(`,"${fields.extra}":`), record.subarray(span.start, span.end)]);
}

/** Writes one line per record of a slice. */
export function writeRowLines(
  files: LineFiles,
  contract: Contract,
  fields: AddedFields,
  defaults: RowDefaults,
  { frame, origin, firstIndex, indices }: FrameSlice,
): void {
  const { header, payload, offsets, fingerprints, eventTimesMs } = frame;
  const id = recordIdentity(origin, 0).slice(defaults.idPrefix.length, -1);
  const beforeIndex = Buffer.from(`{"${fields.id}":${JSON.stringify(id).slice(0, -1)}`);
  let ofFrame = '"';
  if (header.contractVersion !== defaults.schemaVersion) {
    ofFrame += `,"${fields.schemaVersion}":${JSON.stringify(header.contractVersion)}`;
  }
  const receivedAfterMs = Math.floor(header.receivedAtMs) - defaults.receivedAtMs;
  if (receivedAfterMs !== 0) ofFrame += `,"${fields.receivedAt}":${String(receivedAfterMs)}`;
  const afterIndex = Buffer.from(`${ofFrame},"${fields.key}":"`);
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
    at = writeInteger(buffer, at, firstIndex + index);
    at += afterIndex.copy(buffer, at);
    at = writeHex(buffer, at, fingerprints, index * FINGERPRINT_BYTES, FINGERPRINT_BYTES);
    at += afterKey.copy(buffer, at);
    at = writeInteger(buffer, at, Math.floor(eventTimesMs[index] ?? 0) - defaults.eventTimeMs);
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
