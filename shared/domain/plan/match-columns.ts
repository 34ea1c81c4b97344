import { countOf, sharedPartOf, type Sketch } from './content-sketch.ts';

/** The values of a source's columns. */
export type ColumnSketches = ReadonlyMap<string, Sketch>;

/** Columns of two sources that hold the same values, whatever they are called. */
export interface ColumnMatch {
  readonly a: string;
  readonly b: string;
}

/** Columns with fewer values tell nothing: a status, a country, a constant. */
const MIN_VALUES = 50;
const MIN_SHARED = 0.5;
/** Of the columns that tell something, of the source that has fewer of them. */
const MIN_MATCHED = 0.8;
/** Numbers of two tables that both begin with one look alike: a single column proves nothing. */
const MIN_COLUMNS = 2;

/** Columns that tell something of the rows they stand in. */
export const tellingColumns = (columns: ColumnSketches): ColumnSketches =>
  new Map([...columns].filter(([, sketch]) => countOf(sketch) >= MIN_VALUES));

/**
 * Which columns of two sources hold the same values, if nearly all columns of the one do; none otherwise. Tables that refer
 * to each other have a few in common, copies nearly all. That the values stand in the same rows is still to be seen.
 *
 * @param a only telling columns, as `b`
 */
export function matchColumns(a: ColumnSketches, b: ColumnSketches): readonly ColumnMatch[] {
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  const free = new Set(many.keys());
  const matches: { readonly few: string; readonly many: string }[] = [];
  for (const [name, sketch] of few) {
    // A column of the same name first.
    const others = [...free].sort((x, y) => Number(y === name) - Number(x === name));
    const found = others.find((other) => isShared(sketch, many.get(other)));
    if (found === undefined) continue;
    free.delete(found);
    matches.push({ few: name, many: found });
  }
  if (matches.length < MIN_COLUMNS || matches.length < MIN_MATCHED * few.size) return [];
  return matches.map((match) =>
    few === a ? { a: match.few, b: match.many } : { a: match.many, b: match.few },
  );
}

const isShared = (one: Sketch, other: Sketch | undefined): boolean =>
  other !== undefined && sharedPartOf(one, other) >= MIN_SHARED;

/** Pairs of sources that are worth a look: those with as many values in common as copies have, and a few more. */
export function pairsToCompare(
  sources: ReadonlyMap<string, ColumnSketches>,
): readonly (readonly [string, string])[] {
  const holders = new Map<bigint, Set<string>>();
  for (const [source, columns] of sources) {
    for (const sketch of columns.values()) {
      for (const hash of sketch) {
        const known = holders.get(hash);
        if (known === undefined) holders.set(hash, new Set([source]));
        else known.add(source);
      }
    }
  }
  const names = [...sources.keys()];
  const shared = new Map<string, number>();
  for (const found of holders.values()) {
    // What half of all sources hold, such as small numbers, tells nothing.
    if (found.size < 2 || found.size > Math.max(4, names.length / 2)) continue;
    const together = [...found];
    together.forEach((a, at) => {
      for (const b of together.slice(at + 1)) {
        const pair = JSON.stringify([a, b]);
        shared.set(pair, (shared.get(pair) ?? 0) + 1);
      }
    });
  }
  return [...shared]
    .filter(([, hashes]) => hashes >= MIN_COMMON_HASHES)
    .map(([pair]) => JSON.parse(pair) as [string, string]);
}

/** Of two columns with 50 values each, half of them shared. */
const MIN_COMMON_HASHES = 25;
