/*
 * Patterns run on data from outside, on a backtracking engine. A pattern is accepted when it cannot blow up:
 *
 * - deterministic (at every character at most one way to go on; Brüggemann-Klein, "Regular expressions into finite
 *   automata", 1993): one pass over the text;
 * - otherwise the number of ways to match is finite and small, loops counted up to `maxLength`;
 * - not anchored by `^`: the engine starts again at every character, so the text's length counts once more.
 */

/** Most steps that matching may take per character of text, so that no request keeps a function busy for long. */
const MAX_STEPS_PER_CHARACTER = 100;
/** Shorter texts may take as many steps as one of this length. */
const SHORT_TEXT_LENGTH = 50;
/** Most characters of an expanded pattern: `[a-z]{100}` counts 100. */
const MAX_POSITIONS = 2000;
/** Length of a text without `maxLength`: a record's limit. */
const UNBOUNDED_LENGTH = 1 << 20;

/** Sorted, disjoint ranges of code points, both ends inclusive. */
type CharSet = readonly (readonly [number, number])[];

type Node =
  | { readonly kind: 'char'; readonly set: CharSet }
  | { readonly kind: 'start' | 'end' | 'empty' }
  | { readonly kind: 'concat' | 'alt'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly body: Node; readonly min: number; readonly max: number };

class UnsupportedPattern extends Error {}

const LAST_CODE_POINT = 0x10ffff;
const DIGITS: CharSet = [[48, 57]];
const WORD: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACE: CharSet = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CharSet = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];

function normalize(ranges: CharSet): CharSet {
  const sorted = ranges.toSorted(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function invert(set: CharSet): CharSet {
  const inverted: [number, number][] = [];
  let next = 0;
  for (const [from, to] of normalize(set)) {
    if (from > next) inverted.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE_POINT) inverted.push([next, LAST_CODE_POINT]);
  return inverted;
}

function overlap(a: CharSet, b: CharSet): boolean {
  return a.some(([from, to]) => b.some(([otherFrom, otherTo]) => from <= otherTo && otherFrom <= to));
}

const CLASS_ESCAPES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: invert(DIGITS),
  w: WORD,
  W: invert(WORD),
  s: SPACE,
  S: invert(SPACE),
};
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/** Parses what patterns of contracts use; anything else is refused with its name. */
class PatternParser {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  parse(): Node {
    const node = this.alternatives();
    if (this.at < this.text.length) throw new UnsupportedPattern('it has a ")" too many');
    return node;
  }

  private peek(): string {
    return this.text.charAt(this.at);
  }

  private alternatives(): Node {
    const parts = [this.sequence()];
    while (this.peek() === '|') {
      this.at++;
      parts.push(this.sequence());
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'alt', parts };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    while (this.at < this.text.length && this.peek() !== '|' && this.peek() !== ')')
      parts.push(this.quantified());
    return { kind: 'concat', parts };
  }

  private quantified(): Node {
    const body = this.atom();
    const quantifier = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(this.text.slice(this.at));
    if (quantifier === null) return body;
    const [whole, symbol, low, comma, high] = quantifier;
    this.at += whole.length;
    if (symbol === '*') return { kind: 'repeat', body, min: 0, max: Infinity };
    if (symbol === '+') return { kind: 'repeat', body, min: 1, max: Infinity };
    if (symbol === '?') return { kind: 'repeat', body, min: 0, max: 1 };
    const min = Number(low);
    return { kind: 'repeat', body, min, max: comma === '' ? min : high === '' ? Infinity : Number(high) };
  }

  private atom(): Node {
    const char = this.peek();
    this.at++;
    switch (char) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'char', set: invert(LINE_ENDS) };
      case '(':
        return this.group();
      case '[':
        return { kind: 'char', set: this.charClass() };
      case '\\':
        if (/[bB]/.test(this.peek())) {
          this.at++;
          return { kind: 'empty' };
        }
        return { kind: 'char', set: this.escape() };
      default:
        return { kind: 'char', set: [[char.charCodeAt(0), char.charCodeAt(0)]] };
    }
  }

  private group(): Node {
    const prefix = /^\?(?::|<[A-Za-z_]\w*>)/.exec(this.text.slice(this.at))?.[0];
    if (this.peek() === '?' && prefix === undefined) {
      throw new UnsupportedPattern('it uses look-ahead, look-behind or flags');
    }
    this.at += prefix?.length ?? 0;
    const node = this.alternatives();
    if (this.peek() !== ')') throw new UnsupportedPattern('it has a "(" that is not closed');
    this.at++;
    return node;
  }

  private escape(): CharSet {
    const char = this.peek();
    this.at++;
    const set = CLASS_ESCAPES[char];
    if (set !== undefined) return set;
    const control = CONTROL_ESCAPES[char];
    const code = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4}))/.exec(this.text.slice(this.at - 1));
    if (code !== null) this.at += code[0].length - 1;
    else if (/[1-9kpPcu]/.test(char)) throw new UnsupportedPattern(`it uses "\\${char}"`);
    const unit =
      code === null ? (control ?? char.charCodeAt(0)) : Number.parseInt(code[1] ?? code[2] ?? '', 16);
    return [[unit, unit]];
  }

  private charClass(): CharSet {
    const negated = this.peek() === '^';
    if (negated) this.at++;
    const ranges: (readonly [number, number])[] = [];
    while (this.peek() !== ']') {
      if (this.at >= this.text.length) throw new UnsupportedPattern('it has a "[" that is not closed');
      const from = this.classAtom();
      if (this.peek() === '-' && this.text.charAt(this.at + 1) !== ']') {
        this.at++;
        const to = this.classAtom();
        ranges.push([from[0]?.[0] ?? 0, to.at(-1)?.[1] ?? LAST_CODE_POINT]);
      } else ranges.push(...from);
    }
    this.at++;
    return negated ? invert(ranges) : normalize(ranges);
  }

  private classAtom(): CharSet {
    const char = this.peek();
    this.at++;
    if (char === '\\' && this.peek() === 'b') {
      this.at++;
      return [[8, 8]];
    }
    return char === '\\' ? this.escape() : [[char.charCodeAt(0), char.charCodeAt(0)]];
  }
}

/** A part of the position automaton: which characters it can begin and end with, and whether it can be empty. */
interface Fragment {
  readonly nullable: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** Positions of the expanded pattern, and which may follow which. */
class Automaton {
  /** Some text can be matched in two ways although the positions are the same: `(a+)+`, `(a*)?`, `(?:a?|b?)`. */
  #hasTwoWays = false;
  readonly sets: CharSet[] = [];
  readonly follow: Set<number>[] = [];

  /** Adds a part. Bounded repetitions are written out: `a{2,3}` is `aa(a)?`. */
  add(node: Node): Fragment {
    switch (node.kind) {
      case 'char': {
        if (this.sets.length >= MAX_POSITIONS) {
          throw new UnsupportedPattern(
            `it is longer than ${String(MAX_POSITIONS)} characters when written out`,
          );
        }
        const position = this.sets.push(node.set) - 1;
        this.follow.push(new Set());
        return { nullable: false, first: [position], last: [position] };
      }
      case 'concat':
        return this.join(node.parts.map((part) => this.add(part)));
      case 'alt': {
        const parts = node.parts.map((part) => this.add(part));
        if (parts.filter((part) => part.nullable).length > 1) this.#hasTwoWays = true;
        return {
          nullable: parts.some((part) => part.nullable),
          first: parts.flatMap((part) => part.first),
          last: parts.flatMap((part) => part.last),
        };
      }
      case 'repeat':
        return this.repeat(node.body, node.min, node.max);
      case 'start':
      case 'end':
      case 'empty':
        return { nullable: true, first: [], last: [] };
    }
  }

  private connect(last: readonly number[], first: readonly number[]): void {
    for (const from of last) {
      for (const to of first) {
        if (this.follow[from]?.has(to) === true) this.#hasTwoWays = true;
        this.follow[from]?.add(to);
      }
    }
  }

  private join(parts: readonly Fragment[]): Fragment {
    return parts.reduce<Fragment>(
      (before, part) => {
        this.connect(before.last, part.first);
        return {
          nullable: before.nullable && part.nullable,
          first: before.nullable ? [...before.first, ...part.first] : before.first,
          last: part.nullable ? [...before.last, ...part.last] : part.last,
        };
      },
      { nullable: true, first: [], last: [] },
    );
  }

  private repeat(body: Node, min: number, max: number): Fragment {
    const copies = max === Infinity ? Math.max(1, min) : max;
    const parts: Fragment[] = [];
    for (let i = 0; i < copies; i++) {
      const part = this.add(body);
      if (part.nullable && (min === 0 || max === Infinity)) this.#hasTwoWays = true;
      if (max === Infinity && i === copies - 1) this.connect(part.last, part.first);
      parts.push(i < min ? part : { ...part, nullable: true });
      if (part.first.length === 0) break;
    }
    return this.join(parts);
  }

  /** Whether some text can be matched in two ways; most often two positions with a common character follow one. */
  isAmbiguous(first: readonly number[]): boolean {
    if (this.#hasTwoWays) return true;
    return [first, ...this.follow.map((set) => [...set])].some((positions) => {
      const unique = [...new Set(positions)];
      return unique.some((a, i) =>
        unique.slice(i + 1).some((b) => overlap(this.sets[a] ?? [], this.sets[b] ?? [])),
      );
    });
  }
}

/** How many ways there are at most to match a text of `length` characters. */
function countWays(node: Node, length: number): number {
  switch (node.kind) {
    case 'concat':
      return node.parts.reduce((ways, part) => ways * countWays(part, length), 1);
    case 'alt':
      return node.parts.reduce((ways, part) => ways + countWays(part, length), 0);
    case 'repeat': {
      const body = countWays(node.body, length);
      const most = Math.min(node.max, length);
      if (body === 1) return Math.max(1, most - node.min + 1);
      return body ** most * Math.max(1, most - node.min + 1);
    }
    case 'char':
    case 'start':
    case 'end':
    case 'empty':
      return 1;
  }
}

function hasLoop(node: Node): boolean {
  if (node.kind === 'repeat') return node.max === Infinity || hasLoop(node.body);
  return (node.kind === 'alt' || node.kind === 'concat') && node.parts.some(hasLoop);
}

/** Whether every way through the pattern begins at the start of the text. */
function isAnchored(node: Node): boolean {
  if (node.kind === 'start') return true;
  if (node.kind === 'alt') return node.parts.every(isAnchored);
  return node.kind === 'concat' && node.parts[0] !== undefined && isAnchored(node.parts[0]);
}

/**
 * Why a `pattern` may not be part of a contract.
 *
 * @param maxLength the schema's `maxLength` beside it, which bounds what a pattern that is not linear can cost
 * @returns undefined when it may
 */
export function patternProblem(pattern: string, maxLength: number | undefined): string | undefined {
  const shown = JSON.stringify(pattern);
  try {
    new RegExp(pattern, 'u');
  } catch {
    return `${shown} is not a regular expression that is valid with the "u" flag`;
  }
  try {
    if (/[\ud800-\udfff]/.test(pattern)) throw new UnsupportedPattern('it uses characters beyond U+FFFF');
    const node = new PatternParser(pattern).parse();
    const automaton = new Automaton();
    const { first } = automaton.add(node);
    const anchored = isAnchored(node);
    const ambiguous = automaton.isAmbiguous(first);
    if (anchored && !ambiguous) return undefined;
    const length = maxLength ?? UNBOUNDED_LENGTH;
    const longestMatch = hasLoop(node) ? length : Math.min(length, automaton.sets.length + 1);
    const matched = anchored ? longestMatch : length;
    const steps = (anchored ? 1 : length) * (ambiguous ? countWays(node, length) : 1) * longestMatch;
    if (steps <= MAX_STEPS_PER_CHARACTER * Math.max(matched, SHORT_TEXT_LENGTH)) return undefined;
    return (
      `${shown} could take very long on some texts; begin it with "^", make each repetition end at a character that ` +
      'it cannot contain itself, or set a smaller maxLength beside it'
    );
  } catch (error) {
    if (error instanceof UnsupportedPattern) return `${shown} cannot be proved to be fast: ${error.message}`;
    throw error;
  }
}
