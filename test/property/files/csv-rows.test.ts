import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvText, newCsvFields, readCsvRow } from '../../../shared/domain/files/csv-rows.ts';

const DIALECT = { delimiter: 0x2c, quote: 0x22 };
const field = fc.string({
  unit: fc.constantFrom('a', 'é', '🎉', ',', '"', '\n', '\r\n', ' ', '0'),
  maxLength: 6,
});

/** Rows of a text that is seen in parts of these sizes. */
function readInParts(text: Buffer, sizes: readonly number[]): string[][] {
  const fields = newCsvFields();
  const rows: string[][] = [];
  let seen = 0;
  let at = 0;
  for (let part = 0; seen < text.length; part++) {
    seen = Math.min(text.length, seen + (sizes[part % sizes.length] ?? 1));
    const bytes = text.subarray(0, seen);
    while (at < seen) {
      const end = readCsvRow(bytes, at, seen === text.length, DIALECT, fields);
      if (end < 0) break;
      rows.push(Array.from({ length: fields.count }, (_, i) => csvText(bytes, fields, i, DIALECT.quote)));
      at = end;
    }
  }
  return rows;
}

test('rows are those that csv-parse finds, wherever the text is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(field, field, fc.boolean()), { minLength: 1, maxLength: 6 }),
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (rows, end, sizes, endsWithBreak) => {
        const write = (value: string, isQuoted: boolean): string =>
          isQuoted || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
        const lines = rows.map(([a, b, isQuoted]) => `${write(a, isQuoted)},${write(b, !isQuoted)}`);
        const text = lines.join(end) + (endsWithBreak ? end : '');
        const expected: string[][] = parse(text, { record_delimiter: end });
        expect(readInParts(Buffer.from(text), sizes)).toEqual(expected);
        expect(expected).toEqual(rows.map(([a, b]) => [a, b]));
      },
    ),
    { numRuns: 500 },
  );
});
