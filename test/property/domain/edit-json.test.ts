import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editJson, type JsonEdit } from '../../../shared/domain/edit-json.ts';

const text = (bytes: Uint8Array | { readonly problem: string }): string =>
  'problem' in bytes ? bytes.problem : Buffer.from(bytes).toString();
const set = (path: string, value?: string): JsonEdit => ({ path: path.split('.'), value });

test.each([
  ['{"a":1}', [set('a', '2')], '{"a":2}'],
  ['{"id":12345678901234567890,"a":1.50}', [set('a', '"x"')], '{"id":12345678901234567890,"a":"x"}'],
  ['{ "a" : 1 , "b":2 }', [set('b')], '{"a" : 1}'],
  ['{"a":{}}', [set('a.b', '[]')], '{"a":{"b":[]}}'],
  ['{}', [set('a', '1'), set('b', '2')], '{"a":1,"b":2}'],
  ['{"a":1,"a":2}', [set('a', '3')], '{"a":1,"a":3}'],
  ['{"a":1,"a":2}', [set('a')], '{}'],
  ['{"ü\\"":1}', [set('ü"', 'null')], '{"ü\\"":null}'],
  ['{"a":1}', [set('c')], '{"a":1}'],
  ['{"a":1}', [set('a.b', '2')], 'a is not an object, so it cannot have a field b'],
  ['[1]', [set('a', '2')], 'the record is not an object, so it cannot have a field a'],
] as const)('%s', (before, edits, after) => {
  expect(text(editJson(Buffer.from(before), edits))).toBe(after);
});

const name = fc.constantFrom('a', 'b', 'c', 'ü', '"');
const json = fc.jsonValue({ maxDepth: 2 });

/** What an edit does to a value that JSON.parse has made. */
function expected(value: unknown, path: readonly string[], next: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  let parent = copy;
  for (const step of path.slice(0, -1)) parent = parent[step] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  if (next === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = next;
  return copy;
}

test('means the same as the change of the parsed value', () => {
  const inner = fc.dictionary(name, json, { maxKeys: 4 });
  const record = fc.dictionary(name, fc.oneof(json, inner), { maxKeys: 5 });
  fc.assert(
    fc.property(
      record,
      inner,
      fc.array(name, { minLength: 1, maxLength: 2 }),
      fc.option(json),
      fc.constantFrom(0, 2),
      (value, object, path, next, indent) => {
        // The way down leads through an object.
        const [first = ''] = path;
        const whole = path.length > 1 ? { ...value, [first]: object } : value;
        const edit = { path, value: next === null ? undefined : JSON.stringify(next) };
        const edited = editJson(Buffer.from(JSON.stringify(whole, undefined, indent)), [edit]);
        const want = expected(JSON.parse(JSON.stringify(whole)), path, next ?? undefined);
        expect(JSON.parse(text(edited))).toEqual(JSON.parse(JSON.stringify(want)));
      },
    ),
    { numRuns: 500 },
  );
});
