import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementSpans, findSpan, rootSpan, scalarAt, textAt } from '../../../shared/domain/json-spans.ts';

/** JSON text of a value with arbitrary white space, written apart from JSON.stringify. */
function write(value: unknown, space: () => string): string {
  const s = space();
  if (Array.isArray(value)) {
    return `${s}[${value.map((part) => write(part, space)).join(',')}${space()}]${space()}`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(
      ([name, part]) => `${space()}${escape(name)}${space()}:${write(part, space)}`,
    );
    return `${s}{${fields.join(',')}${space()}}${space()}`;
  }
  return `${s}${typeof value === 'string' ? escape(value) : JSON.stringify(value)}${space()}`;
}

/** Every character as \uXXXX where its code is odd. */
function escape(text: string): string {
  return `"${text
    .split('')
    .map((char) => {
      const code = char.charCodeAt(0);
      return code % 2 === 1 || code < 32 || char === '"' || char === '\\' || (code >= 0xd800 && code < 0xe000)
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : char;
    })
    .join('')}"`;
}

const documents = fc.record({
  value: fc.object({
    values: [
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ],
    withNullPrototype: false,
  }),
  list: fc.array(fc.jsonValue()),
  spaces: fc.infiniteStream(fc.constantFrom('', '', ' ', '\n', '\t \r')),
});

describe('spans', () => {
  test('every value is found where JSON.parse finds it, and its text parses to it', () => {
    fc.assert(
      fc.property(documents, ({ value, list, spaces }) => {
        const document: Record<string, unknown> = { 'a"b\\': { list }, ...value };
        const space = (): string => spaces.next().value as string;
        const bytes = Buffer.from(write(document, space));
        const expected = JSON.parse(bytes.toString()) as Record<string, unknown>;
        expect(JSON.parse(textAt(bytes, rootSpan(bytes)))).toEqual(expected);
        for (const [name, part] of Object.entries(expected)) {
          const span = findSpan(bytes, [name]);
          expect(span).toBeDefined();
          if (span === undefined) continue;
          const text = textAt(bytes, span);
          expect(text).toBe(text.trim());
          expect(JSON.parse(text)).toEqual(part);
          const scalar = scalarAt(bytes, span);
          if (typeof part === 'string') expect(scalar).toEqual({ text: part, isString: true });
          else if (typeof part === 'number') expect(Object.is(Number(scalar?.text), part)).toBe(true);
          else if (part === null || typeof part === 'object') expect(scalar).toBeUndefined();
        }
        if (Object.hasOwn(value, 'a"b\\')) return;
        const array = findSpan(bytes, ['a"b\\', 'list']);
        const elements = array === undefined ? [] : elementSpans(bytes, array);
        expect(elements.map((span) => JSON.parse(textAt(bytes, span)) as unknown)).toEqual(
          (expected['a"b\\'] as { list: unknown[] }).list,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('what is not there is not found', () => {
    const bytes = Buffer.from('{"a":{"b":1},"c":[{"b":2}],"d":"{\\"b\\":3}"}');
    for (const path of [['b'], ['a', 'c'], ['c', 'b'], ['d', 'b'], ['a', 'b', 'c'], ['0']]) {
      expect(findSpan(bytes, path)).toBeUndefined();
    }
  });

  test('of a field that appears twice the last one counts, as in JSON.parse', () => {
    const bytes = Buffer.from('{"a":1,"a":2}');
    const span = findSpan(bytes, ['a']);
    expect(span && textAt(bytes, span)).toBe('2');
  });

  test('depth costs no stack', () => {
    const bytes = Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},"b":1}`);
    const span = findSpan(bytes, ['b']);
    expect(span && textAt(bytes, span)).toBe('1');
  });
});
