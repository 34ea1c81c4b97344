import fc from 'fast-check';
import { expect, test } from 'vitest';
import { declareSource } from '../../support/declare-source.ts';

const source = declareSource({ type: 'object', properties: { id: { type: 'string' }, open: {} } });

/** JSON as its writer sees it: names may repeat, white space may stand anywhere, names may be escaped. */
type Text =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, boolean, string, Text])[] }
  | { readonly kind: 'array'; readonly items: readonly Text[] };

const scalar = fc
  .oneof(
    fc.string(),
    fc.constantFrom('a": "b', '": ', ' : ', '\\":'),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  )
  .map((value): Text => ({ kind: 'scalar', text: JSON.stringify(value) }));
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'a":', ' :');
const space = fc.constantFrom('', '', '', ' ', '\n', '\t');

const { node } = fc.letrec<{ node: Text }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .array(fc.tuple(name, fc.boolean(), space, tie('node')), { maxLength: 4 })
      .map((entries): Text => ({ kind: 'object', entries })),
    fc.array(tie('node'), { maxLength: 3 }).map((items): Text => ({ kind: 'array', items })),
  ),
}));

function escapeFirst(quoted: string): string {
  return `"\\u${quoted.charCodeAt(1).toString(16).padStart(4, '0')}${quoted.slice(2)}`;
}

function write(text: Text): string {
  if (text.kind === 'scalar') return text.text;
  if (text.kind === 'array') return `[${text.items.map(write).join(',')}]`;
  const entries = text.entries.map(([key, isEscaped, gap, value]) => {
    const quoted = JSON.stringify(key);
    return `${isEscaped ? escapeFirst(quoted) : quoted}${gap}:${write(value)}`;
  });
  return `{${entries.join(',')}}`;
}

/** The oracle: counts names before anything is parsed. */
function hasDuplicate(text: Text): boolean {
  if (text.kind === 'scalar') return false;
  if (text.kind === 'array') return text.items.some(hasDuplicate);
  const names = text.entries.map(([key]) => key);
  return new Set(names).size < names.length || text.entries.some(([, , , value]) => hasDuplicate(value));
}

test('a name that appears twice in one object is always noticed, and nothing else is taken for it', () => {
  const seen = { duplicate: 0, unique: 0 };
  fc.assert(
    fc.property(node, (text) => {
      const checked = source.check(Buffer.from(`{"id":"a","open":${write(text)}}`), 0);
      const expected = hasDuplicate(text);
      seen[expected ? 'duplicate' : 'unique']++;
      expect(checked.violations.some(({ rule }) => rule === 'duplicate-key')).toBe(expected);
      expect(checked.status).toBe(expected ? 'quarantined' : 'accepted');
    }),
    { numRuns: 5000 },
  );
  expect(seen.duplicate).toBeGreaterThan(200);
  expect(seen.unique).toBeGreaterThan(200);
});
