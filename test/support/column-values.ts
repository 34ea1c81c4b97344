import fc from 'fast-check';
import type { ColumnType } from '../../shared/domain/contract.ts';
import type { Cell } from './read-parquet.ts';
import type { PlainValue } from './to-columns.ts';

// The ranges of PostgreSQL's types: 4713 BC to 294276 AD.
export const micros = fc.oneof(
  fc.bigInt(-210_866_803_200_000_000n, 9_223_371_331_199_999_999n),
  fc.bigInt(1_700_000_000_000_000n, 1_800_000_000_000_000n),
  fc.constantFrom(-210_866_803_200_000_000n, 9_223_371_331_199_999_999n, -1n, 0n),
);
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 9, maxLength: 16, unit: 'grapheme' }),
    fc.string({ minLength: 20, maxLength: 60 }),
    fc.constantFrom('', '\0', 'twelve bytes', 'thirteen byte', 'ß\ufeff'),
    // DuckDB's client takes a byte-order mark off the beginning of what it reads.
  )
  .filter((value) => !value.startsWith('\ufeff'));
const uuid = fc.uuid();
const digits = (precision: number): fc.Arbitrary<bigint> => {
  const max = 10n ** BigInt(precision) - 1n;
  return fc.oneof(fc.bigInt(-max, max), fc.bigInt(-9n, 9n), fc.constantFrom(max, -max));
};

const VALUES: Readonly<Record<string, fc.Arbitrary<PlainValue>>> = {
  boolean: fc.boolean(),
  integer: fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1)),
  bigint: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(-(2n ** 63n), 2n ** 53n + 1n)),
  float: fc.float(),
  double: fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 5e-324)),
  'decimal(4,2)': digits(4),
  'decimal(9,0)': digits(9),
  'decimal(18,4)': digits(18),
  'decimal(38,10)': digits(38),
  // Years 4713 BC to 5874897.
  date: fc.oneof(fc.integer({ min: -2_440_588, max: 2_145_031_948 }), fc.integer({ min: 0, max: 30_000 })),
  timestamp: micros,
  'local-timestamp': micros,
  uuid,
  json: fc.json(),
  text,
  bytes: fc.uint8Array({ maxLength: 40 }),
};

/** Values of a type by its word, and null. */
export function valueOf(word: string): fc.Arbitrary<PlainValue> {
  const values = word.endsWith('[]')
    ? fc.array(valueOf(word.slice(0, -2)), { maxLength: 5 })
    : (VALUES[word] ?? fc.constant(null));
  return fc.oneof({ arbitrary: values, weight: 6 }, { arbitrary: fc.constant(null), weight: 1 });
}

const scalars = Object.keys(VALUES);
const listable = scalars.filter((word) => word !== 'bytes');
/** Words of types. */
export const typeWord = fc.oneof(
  { arbitrary: fc.constantFrom(...scalars), weight: 3 },
  { arbitrary: fc.constantFrom(...listable).map((of) => `${of}[]`), weight: 1 },
);

/** A value as it comes back from a file. */
export function toCell(type: ColumnType, value: PlainValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (Array.isArray(value))
    return value.map((part) => toCell(type.kind === 'list' ? type.element : type, part));
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (type.kind === 'decimal') return { unscaled: BigInt(value) };
  if (type.kind === 'date') return { days: Number(value) };
  return value;
}
