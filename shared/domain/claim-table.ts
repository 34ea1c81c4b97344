import type { Candidate } from './candidate.ts';

/*
 * Claims by key, in typed arrays: some 40 bytes a claim, where a map of objects takes 140 and cannot hold more than 16
 * million. A row is the three words of the key, the digest, the place of the claimant in a list, and the index.
 */

const ROW_WORDS = 6;
const DIGEST = 3;
const CLAIMANT = 4;
const INDEX = 5;
const FIRST_ROWS = 16;
/** Rows grow by an eighth at a time: a copy now and then is cheaper than memory that nobody uses. */
const GROWTH = 1.125;
const FIRST_SLOTS = 32;
const MAX_LOAD = 0.75;

/** Owners of keys; the first claim of a key stays. */
export interface ClaimTable {
  readonly size: number;
  /** Keeps a claim unless its key is there already. */
  add(claim: Candidate): void;
  get(key: string): Candidate | undefined;
}

/** Four characters of a key (which are bytes) as one number. */
function wordAt(key: string, at: number): number {
  return (
    (key.charCodeAt(at) |
      (key.charCodeAt(at + 1) << 8) |
      (key.charCodeAt(at + 2) << 16) |
      (key.charCodeAt(at + 3) << 24)) >>>
    0
  );
}

/** Keys are hashes already; this spreads those of tests as well. */
function spread(a: number, b: number, c: number): number {
  const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** An empty table. */
export function createClaimTable(): ClaimTable {
  const claimants: string[] = [];
  let size = 0;
  let rows = new Uint32Array(FIRST_ROWS * ROW_WORDS);
  /** Number of the row from 1 on, or 0; as many as a power of two. */
  let slots = new Uint32Array(FIRST_SLOTS);

  /** The slot of a key: where it is, or where it would be put. */
  function slotOf(a: number, b: number, c: number): number {
    const mask = slots.length - 1;
    for (let slot = spread(a, b, c) & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot] ?? 0;
      if (row === 0) return slot;
      const at = (row - 1) * ROW_WORDS;
      if (rows[at] === a && rows[at + 1] === b && rows[at + 2] === c) return slot;
    }
  }

  const findSlot = (key: string): number => slotOf(wordAt(key, 0), wordAt(key, 4), wordAt(key, 8));

  function growSlots(): void {
    slots = new Uint32Array(slots.length * 2);
    for (let row = 1; row <= size; row++) {
      const at = (row - 1) * ROW_WORDS;
      slots[slotOf(rows[at] ?? 0, rows[at + 1] ?? 0, rows[at + 2] ?? 0)] = row;
    }
  }

  function growRows(): void {
    const grown = new Uint32Array(Math.ceil((size + FIRST_ROWS) * GROWTH) * ROW_WORDS);
    grown.set(rows);
    rows = grown;
  }

  return {
    get size() {
      return size;
    },
    add({ key, digest, claimant, index }) {
      if (size >= slots.length * MAX_LOAD) growSlots();
      const a = wordAt(key, 0);
      const b = wordAt(key, 4);
      const c = wordAt(key, 8);
      const slot = slotOf(a, b, c);
      if (slots[slot] !== 0) return;
      const at = size * ROW_WORDS;
      if (at === rows.length) growRows();
      // Claims of one claimant stand together.
      if (claimants.at(-1) !== claimant) claimants.push(claimant);
      rows[at] = a;
      rows[at + 1] = b;
      rows[at + 2] = c;
      rows[at + DIGEST] = digest;
      rows[at + CLAIMANT] = claimants.length - 1;
      rows[at + INDEX] = index;
      slots[slot] = ++size;
    },
    get(key) {
      const row = slots[findSlot(key)] ?? 0;
      if (row === 0) return undefined;
      const at = (row - 1) * ROW_WORDS;
      return {
        key,
        digest: rows[at + DIGEST] ?? 0,
        claimant: claimants[rows[at + CLAIMANT] ?? 0] ?? '',
        index: rows[at + INDEX] ?? 0,
      };
    },
  };
}
