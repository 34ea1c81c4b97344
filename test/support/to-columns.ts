import type { ColumnData, Nulls } from '../../shared/domain/column-batch.ts';
import type { ColumnType } from '../../shared/domain/contract.ts';

/**
 * A value of a column: bigint for all integers, microseconds and unscaled decimals, number for days and floats, text,
 * bytes, or a list of them.
 */
export type PlainValue = null | boolean | number | bigint | string | Uint8Array | PlainValue[];

/** A column of these values, as a source would make it. */
export function toColumn(type: ColumnType, values: readonly PlainValue[]): ColumnData {
  const nulls: Nulls = values.includes(null)
    ? Uint8Array.from(values, (value) => (value === null ? 1 : 0))
    : undefined;
  const numbers = (): number[] => values.map((value) => Number(value ?? 77));
  const bigints = (): bigint[] => values.map((value) => (typeof value === 'bigint' ? value : 77n));
  switch (type.kind) {
    case 'boolean':
      return { kind: 'boolean', values: Uint8Array.from(values, (v) => (v === true ? 1 : 0)), nulls };
    case 'int32':
    case 'date':
      return { kind: 'int32', values: Int32Array.from(numbers()), nulls };
    case 'float':
      return { kind: 'float', values: Float32Array.from(numbers()), nulls };
    case 'double':
      return { kind: 'double', values: Float64Array.from(numbers()), nulls };
    case 'int64':
    case 'timestamp':
    case 'local-timestamp':
      return { kind: 'int64', values: BigInt64Array.from(bigints()), nulls };
    case 'decimal':
      if (type.precision <= 18) return { kind: 'int64', values: BigInt64Array.from(bigints()), nulls };
      return toBytesColumn(
        values.map((value) => (typeof value === 'bigint' ? bigEndian(value) : new Uint8Array(0))),
        nulls,
      );
    case 'string':
    case 'uuid':
    case 'json':
    case 'bytes':
      return toBytesColumn(
        values.map((value) =>
          value instanceof Uint8Array ? value : Buffer.from(value === null ? '' : String(value)),
        ),
        nulls,
      );
    case 'list': {
      const lists = values.map((value) => (Array.isArray(value) ? value : []));
      const element = toColumn(type.element, lists.flat());
      return { kind: 'list', offsets: toOffsets(lists.map(({ length }) => length)), element, nulls };
    }
    case 'struct':
      throw new TypeError('columns have no structs');
  }
}

function toBytesColumn(parts: readonly Uint8Array[], nulls: Nulls): ColumnData {
  // Not from the beginning of a buffer, as off the wire.
  const data = new Uint8Array(Buffer.concat([Buffer.from('abc'), ...parts])).subarray(3);
  return { kind: 'bytes', data, offsets: toOffsets(parts.map(({ length }) => length)), nulls };
}

function toOffsets(lengths: readonly number[]): Uint32Array {
  let at = 0;
  return Uint32Array.from([0, ...lengths.map((length) => (at += length))]);
}

function bigEndian(value: bigint): Uint8Array {
  return Uint8Array.from(
    BigInt.asUintN(128, value).toString(16).padStart(32, '0').match(/../g) ?? [],
    (digits) => parseInt(digits, 16),
  );
}
