import { BlockedError } from './errors.ts';

/*
 * Ids of a table (integers of any size) as ranges, for a position: `a+2,5` in base 36 is 10 to 12 and 17. Each number
 * but the first is the distance to the end of the range before it. Ids that follow each other take next to nothing.
 */

const RADIX = 36;

/** A position is written with every announcement and commit, into an item that holds 400 KB at most. */
const MAX_TEXT_LENGTH = 60_000;
/** A range that begins: two 64-bit numbers, plus and comma. */
const MAX_RANGE_LENGTH = 28;

/** Ids in the making, ascending. */
export class IdRanges {
  readonly #closed: string[] = [];
  #length = 0;
  #from: bigint | undefined;
  #last = 0n;
  /** End of the last range that is closed. */
  #before = 0n;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an id that is greater than all before it.
   *
   * @returns false when there is no room for it
   * @throws BlockedError with code `DB_IDS_OUT_OF_ORDER` when it is not: the column has an id twice, or is no number
   */
  add(text: string): boolean {
    const id = BigInt(text);
    if (this.#from === undefined) this.#from = id;
    else if (id <= this.#last) {
      throw new BlockedError(
        'DB_IDS_OUT_OF_ORDER',
        `id ${text} of the change log follows ${String(this.#last)}: the column of \`changeLog.id\` must be unique`,
      );
    } else if (id > this.#last + 1n) {
      if (this.#length + MAX_RANGE_LENGTH > MAX_TEXT_LENGTH) return false;
      this.#close(this.#from);
      this.#from = id;
    }
    this.#last = id;
    this.#size++;
    return true;
  }

  /** As text; empty for no ids. */
  toString(): string {
    return this.#from === undefined ? '' : [...this.#closed, this.#range(this.#from)].join(',');
  }

  #close(from: bigint): void {
    const range = this.#range(from);
    this.#closed.push(range);
    this.#length += range.length + 1;
    this.#before = this.#last;
  }

  #range(from: bigint): string {
    const start = (from - this.#before).toString(RADIX);
    return this.#last === from ? start : `${start}+${(this.#last - from).toString(RADIX)}`;
  }
}

/**
 * The ids of a text that `IdRanges` wrote, ascending.
 *
 * @throws BlockedError with code `UNREADABLE_POSITION`
 */
export function parseIds(text: string): string[] {
  if (text === '') return [];
  const ids: string[] = [];
  let last = 0n;
  for (const range of text.split(',')) {
    const [, start, more] = /^(-?[\da-z]+)(?:\+([\da-z]+))?$/.exec(range) ?? [];
    if (start === undefined) {
      throw new BlockedError(
        'UNREADABLE_POSITION',
        `not ids that this version of Headgate can read: ${JSON.stringify(text.slice(0, 40))}; deploy the version that wrote them`,
      );
    }
    const from = last + parse(start);
    last = from + parse(more ?? '0');
    for (let id = from; id <= last; id++) ids.push(String(id));
  }
  return ids;
}

function parse(digits: string): bigint {
  let value = 0n;
  const isNegative = digits.startsWith('-');
  for (const digit of isNegative ? digits.slice(1) : digits)
    value = value * BigInt(RADIX) + BigInt(parseInt(digit, RADIX));
  return isNegative ? -value : value;
}
