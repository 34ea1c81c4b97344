import { unreadableObject } from './splitter.ts';

/*
 * The footer of a Parquet file in Thrift's compact protocol, as far as it is needed to make the footer of one row group of
 * it: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift and
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** Length of the footer and magic at the end of a file. */
export const PARQUET_TAIL_BYTES = 8;
const MAGIC = 'PAR1';
/** Row groups and columns of sensible files need far less. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 16;

/** One row group of a file. */
export interface ParquetRowGroup {
  readonly rows: number;
  /** Its column chunks are within these bytes of the file. */
  readonly start: number;
  readonly end: number;
  /** Footer of a file that has this row group only. */
  footer(): Buffer;
}

/** Bytes of the footer, by the last 8 bytes of a file. */
export function parquetFooterBytes(tail: Buffer, fileBytes: number): number {
  if (tail.length < PARQUET_TAIL_BYTES || tail.toString('latin1', 4, 8) !== MAGIC)
    throw unreadableObject(
      'it is no Parquet file, or an encrypted one, or cut off: it does not end with "PAR1"',
    );
  const bytes = tail.readUInt32LE(0);
  if (bytes > MAX_FOOTER_BYTES || bytes + PARQUET_TAIL_BYTES + MAGIC.length > fileBytes)
    throw unreadableObject('its Parquet footer has an impossible length');
  return bytes;
}

/** The row groups of a file, in their order. */
export function readParquetFooter(footer: Buffer, fileBytes: number): readonly ParquetRowGroup[] {
  const file = readStruct(new Cursor(footer), 0);
  const numRows = file.get(3);
  const groups = file.get(4);
  if (numRows === undefined || groups?.elements === undefined)
    throw unreadableObject('its Parquet footer lacks row groups');
  return groups.elements.map((element): ParquetRowGroup => {
    const group = element.fields;
    const rows = Number(group?.get(3)?.integer ?? -1n);
    let start = Infinity;
    let end = 0;
    for (const { fields: chunk } of group?.get(1)?.elements ?? []) {
      const meta = chunk?.get(3)?.fields;
      const dictionary = Number(meta?.get(11)?.integer ?? 0n);
      const data = Number(meta?.get(9)?.integer ?? -1n);
      const first = dictionary > 0 ? Math.min(dictionary, data) : data;
      start = Math.min(start, first);
      end = Math.max(end, first + Number(meta?.get(7)?.integer ?? -1n));
    }
    if (rows < 0 || (rows > 0 && (start < MAGIC.length || end > fileBytes || start > end)))
      throw unreadableObject('its Parquet footer names a row group that is not in the file');
    return {
      rows,
      start: Math.min(start, end),
      end,
      footer: () =>
        Buffer.concat([
          footer.subarray(0, numRows.start),
          writeVarint(BigInt(rows) * 2n),
          footer.subarray(numRows.end, groups.start),
          // A list of one struct.
          Buffer.from([0x1c]),
          footer.subarray(element.start, element.end),
          footer.subarray(groups.end),
        ]),
    };
  });
}

interface Value {
  readonly start: number;
  readonly end: number;
  readonly integer?: bigint;
  readonly fields?: ReadonlyMap<number, Value>;
  readonly elements?: readonly Value[];
}

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw unreadableObject('its Parquet footer is cut off');
    return byte;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw unreadableObject('its Parquet footer is damaged');
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.bytes.length) throw unreadableObject('its Parquet footer is cut off');
  }
}

function writeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

function readStruct(cursor: Cursor, depth: number): ReadonlyMap<number, Value> {
  if (depth > MAX_DEPTH) throw unreadableObject('its Parquet footer is damaged');
  const fields = new Map<number, Value>();
  let id = 0;
  for (;;) {
    const header = cursor.byte();
    if (header === 0) return fields;
    const delta = header >> 4;
    const type = header & 0x0f;
    id = delta === 0 ? Number(unzigzag(cursor.varint())) : id + delta;
    // A boolean field is its type.
    fields.set(id, type <= 2 ? { start: cursor.at, end: cursor.at } : readValue(cursor, type, depth + 1));
  }
}

const unzigzag = (value: bigint): bigint => (value >> 1n) ^ -(value & 1n);

function readValue(cursor: Cursor, type: number, depth: number): Value {
  const start = cursor.at;
  const close = (): { start: number; end: number } => ({ start, end: cursor.at });
  switch (type) {
    case 1:
    case 2:
    case 3:
      cursor.skip(1);
      return close();
    case 4:
    case 5:
    case 6: {
      const integer = unzigzag(cursor.varint());
      return { integer, ...close() };
    }
    case 7:
      cursor.skip(8);
      return close();
    case 8:
      cursor.skip(Number(cursor.varint()));
      return close();
    case 9:
    case 10: {
      const header = cursor.byte();
      const size = header >> 4 === 15 ? Number(cursor.varint()) : header >> 4;
      if (size > cursor.bytes.length) throw unreadableObject('its Parquet footer is damaged');
      const elements = Array.from({ length: size }, () => readValue(cursor, header & 0x0f, depth + 1));
      return { elements, ...close() };
    }
    case 12: {
      const fields = readStruct(cursor, depth);
      return { fields, ...close() };
    }
    default:
      throw unreadableObject('its Parquet footer is damaged');
  }
}
