import { violation } from './violation.ts';
import type { Violation } from './contract.ts';
import type { Shape } from './shape.ts';

/** Most significant digits that a double keeps: 17 tell any two doubles apart. */
export const MAX_SIGNIFICANT_DIGITS = 17;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Longer literals are not worth converting. */
const MAX_INTEGER_LENGTH = 40;

/** What an exact reading of a JSON text found that JSON.parse does not tell. */
export interface JsonScan {
  readonly violations: readonly Violation[];
  /** Exact text of the integers beyond ±(2^53-1) that the contract allows, by `toPathKey` of their path. */
  readonly wideIntegers: ReadonlyMap<string, string>;
}

/** A path as one text; unlike names joined by dots, two paths are never the same. */
export function toPathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** Digits of a literal from its first to its last that is not zero, without the exponent. */
function countSignificantDigits(literal: string): number {
  const mantissa = (/^[-.\d]+/.exec(literal)?.[0] ?? '').replace(/[-.]/g, '');
  let from = 0;
  let to = mantissa.length;
  while (mantissa.charAt(from) === '0') from++;
  while (to > from && mantissa.charAt(to - 1) === '0') to--;
  return to - from;
}

/** Why a number literal cannot be kept; undefined when it can. */
function numberProblem(literal: string, type: Shape['number']): string | undefined {
  const isPlainInteger = /^-?\d+$/.test(literal);
  const fits = (least: bigint, most: bigint): boolean => {
    if (literal.length > MAX_INTEGER_LENGTH) return false;
    const value = BigInt(literal);
    return value >= least && value <= most;
  };
  if (isPlainInteger) {
    if (fits(-MAX_SAFE, MAX_SAFE)) return undefined;
    if (type !== 'int64') {
      return 'is an integer beyond ±(2^53-1); declare the field as {"type": "integer", "format": "int64"} or send it as text';
    }
    return fits(INT64_MIN, INT64_MAX) ? undefined : 'is an integer beyond 64 bits; send it as text';
  }
  if (type !== 'other' && !Number.isSafeInteger(Number(literal))) {
    return 'is an integer beyond ±(2^53-1) that is not written with digits only; send it as text';
  }
  if (!Number.isFinite(Number(literal))) return 'is a number beyond what a double holds; send it as text';
  return countSignificantDigits(literal) > MAX_SIGNIFICANT_DIGITS
    ? `is a number with more than ${String(MAX_SIGNIFICANT_DIGITS)} significant digits, which a double does not keep; send it as text`
    : undefined;
}

/**
 * Reads a valid JSON text of at most 64 levels character by character, for what JSON.parse loses: duplicate keys, lone
 * surrogates and the digits of numbers. Slow, so it is only used on records that are suspicious.
 */
export function scanJson(text: string, shape: Shape): JsonScan {
  const violations: Violation[] = [];
  const wideIntegers = new Map<string, string>();
  const path: string[] = [];
  let at = 0;

  function skipSpace(): void {
    while (text.charCodeAt(at) <= 32) at++;
  }

  function readString(): string {
    const from = at++;
    while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
    at++;
    return JSON.parse(text.slice(from, at)) as string;
  }

  function checkText(value: string, what: string): void {
    if (value.isWellFormed()) return;
    violations.push(
      violation(
        path,
        'surrogate',
        `${what} has half of a surrogate pair, which is not a character; escape both halves`,
      ),
    );
  }

  function readObject(here: Shape | undefined): void {
    const seen = new Set<string>();
    at++;
    skipSpace();
    while (text.charAt(at) !== '}') {
      const name = readString();
      path.push(name);
      checkText(name, 'the name');
      if (seen.has(name))
        violations.push(violation(path, 'duplicate-key', 'appears twice in one object; send it once'));
      seen.add(name);
      skipSpace();
      at++;
      readValue(here?.fields?.get(name));
      path.pop();
      skipSpace();
      if (text.charAt(at) === ',') {
        at++;
        skipSpace();
      }
    }
    at++;
  }

  function readArray(here: Shape | undefined): void {
    at++;
    skipSpace();
    for (let index = 0; text.charAt(at) !== ']'; index++) {
      path.push(String(index));
      readValue(here?.element);
      path.pop();
      skipSpace();
      if (text.charAt(at) === ',') at++;
      skipSpace();
    }
    at++;
  }

  function readNumber(here: Shape | undefined): void {
    const literal = /[-+.\deE]+/y;
    literal.lastIndex = at;
    const number = literal.exec(text)?.[0] ?? '';
    at += number.length;
    const problem = numberProblem(number, here?.number ?? 'other');
    if (problem !== undefined) violations.push(violation(path, 'precision', problem));
    else if (!Number.isSafeInteger(Number(number)) && here?.number === 'int64')
      wideIntegers.set(toPathKey(path), number);
  }

  function readValue(here: Shape | undefined): void {
    skipSpace();
    const char = text.charAt(at);
    if (char === '{') readObject(here);
    else if (char === '[') readArray(here);
    else if (char === '"') checkText(readString(), 'the text');
    else if (char === 't' || char === 'n') at += 4;
    else if (char === 'f') at += 5;
    else readNumber(here);
  }

  readValue(shape);
  return { violations, wideIntegers };
}
