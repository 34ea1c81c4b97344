import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import type { JsonSchema } from '../../../shared/domain/contract.ts';
import { DuckDbReader, readWithHyparquet, type Cell, type Row } from '../../support/read-parquet.ts';
import { frameOf, sliceOf, sourceOf } from '../../support/frames.ts';

const writer = new DuckDbTableWriter();
const duckDb = new DuckDbReader();

afterAll(async () => {
  await writer.close();
  duckDb.close();
});

/** A value, as a sender writes it and as it must come back. */
interface Sample {
  readonly text: string;
  readonly cell: Cell;
  /** What the contract does not name inside of it, as `_extra` holds it. */
  readonly extra?: unknown;
}

interface ObjectSample extends Sample {
  readonly cell: Row;
}

/** A type of the contract and its values. */
interface Kind {
  readonly schema: JsonSchema;
  readonly sample: fc.Arbitrary<Sample>;
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '\0',
    'a\0b',
    '\n\r\t"\\/\b\f',
    '\u2028\ufeff\uffff',
    '😀',
    'null',
    '1',
    '{"r":1}',
    ' ',
  ),
);

const escaped = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');

/** A JSON string in one of the ways to write it. */
const quoted = (text: string): fc.Arbitrary<string> =>
  fc.constantFrom(JSON.stringify(text), `"${escaped(text)}"`);

const string: Kind = {
  schema: { type: 'string' },
  sample: anyText.chain((text) => quoted(text).map((literal) => ({ text: literal, cell: text }))),
};

const int64: Kind = {
  schema: { type: 'integer', format: 'int64' },
  sample: fc
    .oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.integer().map(BigInt),
      fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n),
    )
    .map((cell) => ({ text: String(cell), cell })),
};

const integer: Kind = {
  schema: { type: 'integer' },
  sample: fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -1000, max: 1000 })).chain((n) =>
    fc
      .constantFrom(
        String(n),
        `${String(n)}.0`,
        `${String(n)}e0`,
        `${String(n)}E+00`,
        n === 0 ? '0.00' : `${String(n)}0e-1`,
      )
      .filter((text) => text.replace(/[eE].*/, '').replace(/[-.]/g, '').length <= 17)
      .map((text) => ({ text, cell: BigInt(n) })),
  ),
};

const double: Kind = {
  schema: { type: 'number' },
  sample: fc
    .oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0.1, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 123456789.12345678),
    )
    .filter((n) => !Number.isInteger(n) || Number.isSafeInteger(n) || /e/.test(String(n)))
    .chain((n) =>
      fc.constantFrom(String(n), n.toExponential(), n.toExponential(16)).map((text) => ({ text, cell: n })),
    ),
};

const boolean: Kind = {
  schema: { type: 'boolean' },
  sample: fc.boolean().map((cell) => ({ text: String(cell), cell })),
};

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(2000, 0, 1) / DAY_MS - 730_119; // 0001-01-01
const LAST_DAY = Date.UTC(9999, 11, 31) / DAY_MS;

const date: Kind = {
  schema: { type: 'string', format: 'date' },
  sample: fc
    .oneof(
      fc.integer({ min: FIRST_DAY, max: LAST_DAY }),
      fc.integer({ min: 0, max: 30_000 }),
      fc.constantFrom(FIRST_DAY, LAST_DAY),
    )
    .map((days) => ({ text: `"${new Date(days * DAY_MS).toISOString().slice(0, 10)}"`, cell: { days } })),
};

const timestamp: Kind = {
  schema: { type: 'string', format: 'date-time' },
  sample: fc
    .record({
      ms: fc.oneof(
        fc.integer({ min: (FIRST_DAY + 1) * DAY_MS, max: LAST_DAY * DAY_MS - 1 }),
        fc.integer({ min: 0, max: 2 ** 41 }).map((ms) => ms - (ms % 1000)),
      ),
      us: fc.integer({ min: 0, max: 999 }),
      offsetMinutes: fc.oneof(fc.constant(undefined), fc.integer({ min: -14 * 60 - 59, max: 14 * 60 + 59 })),
      zeros: fc.integer({ min: 0, max: 3 }),
      digits: fc.constantFrom(0, 1, 3, 6),
    })
    .map(({ ms, us, offsetMinutes, zeros, digits }) => {
      const step = digits === 0 ? 1_000_000n : digits === 1 ? 100_000n : digits === 3 ? 1000n : 1n;
      const exact = BigInt(ms) * 1000n + BigInt(us);
      const micros = exact - (((exact % step) + step) % step);
      const seconds = (micros - (((micros % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
      const fraction = String(micros - seconds * 1_000_000n)
        .padStart(6, '0')
        .slice(0, digits);
      const local = new Date(Number(seconds) * 1000 + (offsetMinutes ?? 0) * 60_000)
        .toISOString()
        .slice(0, 19);
      const size = Math.abs(offsetMinutes ?? 0);
      const offset =
        offsetMinutes === undefined
          ? 'Z'
          : `${offsetMinutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
      const text = `"${local}${digits === 0 ? '' : `.${fraction}${digits === 6 ? '0'.repeat(zeros) : ''}`}${offset}"`;
      return { text, cell: micros };
    }),
};

const uuid: Kind = {
  schema: { type: 'string', format: 'uuid' },
  sample: fc
    .uuid()
    .chain((text) => fc.constantFrom(text, text.toUpperCase()))
    .map((text) => ({ text: `"${text}"`, cell: text })),
};

/** The cell holds JSON text; it is compared by what it means, see `same`. */
class JsonCell {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

const json: Kind = {
  schema: {},
  sample: fc
    .jsonValue({ stringUnit: 'binary' })
    .filter((value) => !JSON.stringify(value).includes('__proto__') && hasSafeNumbers(value))
    .chain((value) =>
      fc
        .constantFrom(
          JSON.stringify(value),
          JSON.stringify(value, null, 2),
          JSON.stringify(value, null, '\t\r'),
        )
        .map((text) => ({
          text,
          cell: value === null ? null : (new JsonCell(value) as unknown as Cell),
        })),
    ),
};

function hasSafeNumbers(value: unknown): boolean {
  if (typeof value === 'number')
    return !Number.isInteger(value) || Number.isSafeInteger(value) || String(value).includes('e');
  return typeof value !== 'object' || value === null || Object.values(value).every(hasSafeNumbers);
}

const names = fc.oneof(
  fc.constantFrom(
    'select',
    'order',
    'from',
    'table',
    'null',
    'a b',
    'a"b',
    "it's",
    'filename',
    'rowid',
    'a.b',
    'é',
    '😀',
    'list',
    'element',
    'r',
    'k',
    '~',
    '$ref',
    'x'.repeat(200),
    ' ',
    ';--',
    '\\',
    '{}',
    'struct',
    'key_value',
    'columns',
  ),
  fc.string({ minLength: 1, maxLength: 8 }),
);

/** What a contract allows as a name. */
const isFieldName = (name: string): boolean =>
  !/\p{Cc}/u.test(name) && name.toLowerCase() !== 'id' && !name.startsWith('_');

/** Names that can stand in one contract: they differ by more than case. */
const distinctNames = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(names.filter(isFieldName), {
    minLength: 1,
    maxLength,
    selector: (name) => name.toLowerCase(),
  });

function entriesText(entries: readonly (readonly [string, string])[], space: string): string {
  return `{${space}${entries.map(([name, text]) => `${JSON.stringify(name)}${space}:${space}${text}`).join(`,${space}`)}${space}}`;
}

const spaces = fc.constantFrom('', '', ' ', '\n', '\r\n\t');

/** Fields of an object: each present, null or missing; and fields that the contract does not name. */
function objectSample(
  fields: readonly (readonly [string, Kind])[],
  fixed: readonly (readonly [string, string])[] = [],
): fc.Arbitrary<ObjectSample> {
  const known = new Set([
    ...fields.map(([name]) => name.toLowerCase()),
    ...fixed.map(([name]) => name.toLowerCase()),
  ]);
  return fc
    .record({
      states: fc.tuple(
        ...fields.map(([, kind]) =>
          fc.oneof(
            { weight: 6, arbitrary: kind.sample },
            { weight: 1, arbitrary: fc.constantFrom('null' as const, 'missing' as const) },
          ),
        ),
      ),
      unknown: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.uniqueArray(
            fc.tuple(
              fc
                .oneof(names, fc.constantFrom('_id', '_key', '_source', 'ID', '_extra'))
                .filter(
                  (name) => !known.has(name.toLowerCase()) && name !== '__proto__' && name.isWellFormed(),
                ),
              json.sample,
            ),
            { maxLength: 3, selector: ([name]) => name },
          ),
        },
      ),
      space: spaces,
      reverse: fc.boolean(),
    })
    .map(({ states, unknown, space, reverse }) => {
      const entries: [string, string][] = fixed.map(([name, text]) => [name, text]);
      const cell: Row = {};
      const extra: [string, unknown][] = [];
      fields.forEach(([name], i) => {
        const state = states[i];
        if (state === undefined || typeof state === 'string') {
          cell[name] = null;
          if (state === 'null') entries.push([name, 'null']);
          return;
        }
        entries.push([name, state.text]);
        cell[name] = state.cell;
        if (state.extra !== undefined) extra.push([name, state.extra]);
      });
      for (const [name, sample] of unknown) {
        entries.push([name, sample.text]);
        extra.push([name, JSON.parse(sample.text)]);
      }
      if (reverse) entries.reverse();
      return {
        text: entriesText(entries, space),
        cell,
        ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
      };
    });
}

function nullable(kind: Kind): Kind {
  return typeof kind.schema.type === 'string'
    ? { ...kind, schema: { ...kind.schema, type: [kind.schema.type, 'null'] } }
    : kind;
}

function structOf(fields: readonly (readonly [string, Kind])[]): Kind {
  return nullable({
    schema: {
      type: 'object',
      properties: Object.fromEntries(fields.map(([name, kind]) => [name, kind.schema])),
    },
    sample: objectSample(fields),
  });
}

function listOf(element: Kind): Kind {
  const item = fc.oneof(
    { weight: 8, arbitrary: element.sample },
    { weight: 1, arbitrary: fc.constant<Sample>({ text: 'null', cell: null }) },
  );
  return nullable({
    schema: { type: 'array', items: element.schema },
    sample: fc.tuple(fc.array(item, { maxLength: 5 }), spaces).map(([items, space]) => {
      const extra = items.flatMap((part, i) =>
        part.extra === undefined ? [] : [[String(i), part.extra] as const],
      );
      return {
        text: `[${space}${items.map((part) => part.text).join(`${space},`)}${space}]`,
        cell: items.map((part) => part.cell),
        ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
      };
    }),
  });
}

const scalars = [string, int64, integer, double, boolean, date, timestamp, uuid, json].map(nullable);

const kindOf = (depth: number): fc.Arbitrary<Kind> =>
  depth === 0
    ? fc.constantFrom(...scalars)
    : fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...scalars) },
        { weight: 2, arbitrary: fieldsOf(depth - 1, 4).map(structOf) },
        { weight: 2, arbitrary: kindOf(depth - 1).map(listOf) },
      );

function fieldsOf(depth: number, maxFields: number): fc.Arbitrary<(readonly [string, Kind])[]> {
  return distinctNames(maxFields).chain((chosen) =>
    fc
      .tuple(...chosen.map(() => kindOf(depth)))
      .map((kinds) => chosen.map((name, i) => [name, kinds[i] ?? string] as const)),
  );
}

/** Equal, where the number 0 has no sign (JSON's `-0` lands as 0) and JSON text is compared by its value. */
function same(expected: unknown, actual: Cell, where: string): void {
  if (expected instanceof JsonCell) {
    expect(typeof actual, where).toBe('string');
    sameJson(expected.value, JSON.parse(actual as string), where);
  } else if (typeof expected === 'number') {
    expect(actual === expected, where).toBe(true);
  } else if (Array.isArray(expected)) {
    expect(Array.isArray(actual) && actual.length === expected.length, where).toBe(true);
    expected.forEach((part, i) => {
      same(part, (actual as Cell[])[i] ?? null, `${where}[${String(i)}]`);
    });
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object).sort(), where).toEqual(Object.keys(expected).sort());
    for (const [name, part] of Object.entries(expected)) {
      same(part, (actual as Row)[name] ?? null, `${where}.${name}`);
    }
  } else {
    expect(actual, where).toBe(expected);
  }
}

function sameJson(expected: unknown, actual: unknown, where: string): void {
  // -0 and 0 are one number in JSON.
  expect(JSON.stringify(actual), where).toBe(JSON.stringify(expected));
}

const table = fieldsOf(3, 6).chain((fields) =>
  fc.array(objectSample(fields, [['id', '"1"']]), { minLength: 1, maxLength: 6 }).map((rows) => ({
    schema: {
      type: 'object',
      properties: Object.fromEntries([
        ['id', { type: 'string' }],
        ...fields.map(([name, kind]) => [name, kind.schema] as const),
      ]),
    },
    rows,
  })),
);

test(
  'every record that a contract accepts comes back from Parquet as it was sent',
  { timeout: 240_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(table, async ({ schema, rows }) => {
        const source = sourceOf(schema);
        const frame = frameOf(
          source,
          rows.map((row) => row.text),
        );
        const written = await writer.writeRows(source, [sliceOf(frame)]);
        expect(written.unwritable).toEqual([]);
        expect(written.rows).toBe(rows.length);
        const bytes = written.bytes ?? new Uint8Array();
        for (const read of [await duckDb.read(bytes), await readWithHyparquet(bytes)]) {
          expect(read.length).toBe(rows.length);
          rows.forEach((row, i) => {
            const all = Object.entries(read[i] ?? {});
            const extra = new Map(all).get('_extra') ?? null;
            const actual = Object.fromEntries(all.filter(([name]) => !name.startsWith('_')));
            same({ id: '1', ...row.cell }, actual, `row ${String(i)}`);
            if (row.extra === undefined) expect(extra).toBeNull();
            else sameJson(sortKeys(row.extra), sortKeys(JSON.parse(extra as string)), '_extra');
          });
        }
      }),
      { numRuns: 150 },
    );
  },
);

/** The order of names is not part of a JSON value. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [name, sortKeys(part)]),
  );
}
