import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RejectedError } from '../../../shared/domain/errors.ts';
import { splitJson, splitLines, splitRecords } from '../../../shared/domain/json-records.ts';

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const blank = fc.stringMatching(/^[ \t\r]{0,2}$/);
/** JSON texts of any kind, with and without white space inside. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t', ' \r\n'))
  .map(([value, indent]) => JSON.stringify(value, null, indent));

test('an array is split where JSON.parse splits it, and the slices are the original texts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(space, jsonText, space)),
      space,
      space,
      fc.boolean(),
      (elements, before, after, mark) => {
        const inside = elements.map((parts) => parts.join('')).join(',');
        const text = `${before}[${elements.length === 0 ? ' ' : inside}]${after}`;
        const slices = splitJson(Buffer.from(`${mark ? '\ufeff' : ''}${text}`)).map(String);
        expect(slices).toEqual(elements.map(([, element]) => element));
        expect(slices.map((slice) => JSON.parse(slice) as unknown)).toEqual(JSON.parse(text));
      },
    ),
  );
});

test('lines are split at every line end, and blank ones are left out', () => {
  const line = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
  const end = fc.constantFrom('\n', '\r\n', '\n\n', '\n \r\n');
  fc.assert(
    fc.property(fc.array(fc.tuple(blank, line, blank, end)), (lines) => {
      const text = lines.map((parts) => parts.join('')).join('');
      expect(splitLines(Buffer.from(text)).map(String)).toEqual(lines.map(([, record]) => record));
    }),
  );
});

/** Almost JSON: structure characters in any order. */
const nearJson = fc
  .array(
    fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', '1', ' ', '\n', 'null', '"k":', '\ufeff'),
    {
      maxLength: 30,
    },
  )
  .map((parts) => parts.join(''));

test('any text is split into slices that JSON.parse agrees with, or refused', () => {
  fc.assert(
    fc.property(nearJson, (text) => {
      const body = Buffer.from(text);
      let slices: readonly Buffer[];
      try {
        slices = splitJson(body);
      } catch (error) {
        expect(error).toBeInstanceOf(RejectedError);
        // Whatever is refused is not an object or an array in JSON.
        expect(() => {
          const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
          if (typeof value !== 'object' || value === null) throw new Error('neither');
        }).toThrow();
        return;
      }
      let whole: unknown;
      try {
        whole = JSON.parse(text.replace(/^\ufeff/, ''));
      } catch {
        // A body that is not JSON has at least one slice that is not, or it would be accepted in part.
        expect(() => slices.map((slice) => JSON.parse(slice.toString()) as unknown)).toThrow();
        return;
      }
      const values = slices.map((slice) => JSON.parse(slice.toString()) as unknown);
      expect(values).toEqual(Array.isArray(whole) ? whole : [whole]);
    }),
    { numRuns: 5000 },
  );
});

test('no byte of a text that does not say what it is gets lost, except white space and structure between records', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        nearJson.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 50 }),
      ),
      (bytes) => {
        const slices = splitRecords(bytes);
        const kept = Buffer.concat(slices).toString('latin1');
        const all = Buffer.from(bytes)
          .toString('latin1')
          .replace(/^\u00ef\u00bb\u00bf/, '');
        const strip = (text: string): string => text.replace(/[ \t\r\n,[\]]/g, '');
        expect(strip(kept)).toBe(strip(all));
      },
    ),
    { numRuns: 2000 },
  );
});
