import { randomFillSync } from 'node:crypto';
import { CLAIMANT_BYTES } from './identity.ts';
import { DIGEST_BYTES } from './idempotency-key.ts';

/*
 * A claim says which record owns an idempotency key. Claims of one consumer batch are packed (see ports/claim-log.ts);
 * about 17 bytes a claim, because DynamoDB bills every kilobyte written:
 *
 *   1 byte   format version (0x01)
 *   varint   number of runs; per run (claims of one claimant): claimant (8 bytes), varint count n,
 *            n varints: index of the record, as the difference to the one before
 *   12 N     fingerprints, truncated to 96 bits: 1e10 keys in one bucket collide with a probability of 6e-10
 *   4 N      payload digests
 *
 * In memory claims are rows of one array of words, found by open addressing: strings and objects for every record cost
 * the consumer several times as much, most of it in the garbage collector.
 */

const VERSION = 1;
/** Bytes of a fingerprint that are kept in a claim. */
export const CLAIM_KEY_BYTES = 12;

/** Words (32 bits) of a claim in memory: key (3), digest, claimant (2), index. */
const CLAIM_WORDS = 7;
const DIGEST = 3;
const CLAIMANT = 4;
const INDEX = 6;
const FIRST_CLAIMS = 64;
/** Small lists double, or copies of them would keep the garbage collector busy; large ones must not waste memory. */
const GROWTH = 2;
const LARGE_LIST = 100_000;
const LARGE_GROWTH = 1.25;
const MAX_LOAD = 0.75;

/**
 * What becomes of a candidate.
 *
 * - `own`: the key is its own; nobody had it, or an earlier delivery of the same record claimed it
 * - `duplicate`: another record with the same payload owns it
 * - `conflict`: another record with another payload owns it
 * - `absent`: nobody owns it, and it is not to be given away here
 */
export const Verdict = { own: 0, duplicate: 1, conflict: 2, absent: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** A list of claims, or of candidates: records that want a key. */
export class ClaimList {
  /** `size` rows of `CLAIM_WORDS` words, and room for more. */
  words: Uint32Array;
  size = 0;

  /** @param capacity rows that there is room for at first */
  constructor(capacity = FIRST_CLAIMS) {
    this.words = new Uint32Array(capacity * CLAIM_WORDS);
  }

  /**
   * @param claimant 8 bytes: who asks, the same on every redelivery
   * @param keys holds the key's 12 bytes at `keyAt`: the beginning of a fingerprint
   * @param digest 4 bytes of the payload's digest, little endian
   * @param index index of the record inside its frame; 0 where a whole request claims
   */
  add(claimant: Buffer, keys: Buffer, keyAt: number, digest: number, index: number): void {
    const at = this.addRow();
    const { words } = this;
    words[at] = keys.readUInt32LE(keyAt);
    words[at + 1] = keys.readUInt32LE(keyAt + 4);
    words[at + 2] = keys.readUInt32LE(keyAt + 8);
    words[at + DIGEST] = digest;
    words[at + CLAIMANT] = claimant.readUInt32LE(0);
    words[at + CLAIMANT + 1] = claimant.readUInt32LE(4);
    words[at + INDEX] = index;
  }

  /** The candidates at these rows, as a list of their own. */
  pick(rows: readonly number[]): ClaimList {
    const picked = new ClaimList();
    for (const row of rows) picked.addFrom(this.words, row * CLAIM_WORDS);
    return picked;
  }

  /** Adds the claim at the offset `from` of other words. */
  addFrom(words: Uint32Array, from: number): void {
    const at = this.addRow();
    const own = this.words;
    for (let i = 0; i < CLAIM_WORDS; i++) own[at + i] = words[from + i] ?? 0;
  }

  /** Makes room for so many rows more. */
  reserve(rows: number): void {
    const needed = (this.size + rows) * CLAIM_WORDS;
    if (needed <= this.words.length) return;
    const growth = this.size < LARGE_LIST ? GROWTH : LARGE_GROWTH;
    const larger = new Uint32Array(Math.max(needed, Math.ceil(this.size * growth) * CLAIM_WORDS));
    larger.set(this.words);
    this.words = larger;
  }

  /** @returns the offset of a new row */
  private addRow(): number {
    const at = this.size * CLAIM_WORDS;
    if (at === this.words.length) this.reserve(1);
    this.size++;
    return at;
  }
}

/**
 * The claimed keys of one bucket, as read from its log so far. Keys that `decide` gives away are tentative until they
 * are confirmed, because they are in the log; otherwise they must be withdrawn before anything is added.
 */
export class ClaimView {
  private readonly claims = new ClaimList();
  /** Claims that are in the log. */
  confirmedSize = 0;
  /** Rows of `claims` plus 1, by hash of the key; 0 is free. */
  private slots = new Uint32Array(2 * FIRST_CLAIMS);
  /** Whoever chooses keys must not be able to choose their slots. Nothing else depends on these numbers. */
  private readonly seeds = randomFillSync(new Uint32Array(3)).map((seed) => seed | 1);

  /** Claims in the view, tentative ones included. */
  get size(): number {
    return this.claims.size;
  }

  /** Adds packed claims in the order of the log: the first claim keeps the key. */
  add(packed: Uint8Array): void {
    const { words, size } = unpackClaims(packed);
    this.claims.reserve(size);
    for (let at = 0; at < size * CLAIM_WORDS; at += CLAIM_WORDS) {
      const slot = this.slotOf(words, at);
      if (this.slots[slot] === 0) this.insert(slot, words, at);
    }
    this.confirm();
  }

  /**
   * Decides over candidates, in their order: the first of several with one key gets it, the others are duplicates (or
   * conflicts), also when the first one finds its own earlier claim. New claims become tentative claims of the view.
   *
   * @param mayClaim whether keys that nobody owns are given away; otherwise their verdict is `absent`
   * @returns one verdict per candidate
   */
  decide(candidates: ClaimList, mayClaim = true): Uint8Array {
    if (mayClaim) this.claims.reserve(candidates.size);
    const verdicts = new Uint8Array(candidates.size);
    const { words } = candidates;
    const found = new Set<number>();
    for (let i = 0; i < candidates.size; i++) {
      const at = i * CLAIM_WORDS;
      const slot = this.slotOf(words, at);
      const row = (this.slots[slot] ?? 0) - 1;
      if (row < 0) {
        if (mayClaim) this.insert(slot, words, at);
        else verdicts[i] = Verdict.absent;
        continue;
      }
      const owner = row * CLAIM_WORDS;
      if (row < this.confirmedSize && this.isSameRecord(owner, words, at) && !found.has(row)) {
        found.add(row);
      } else {
        const isSamePayload = this.claims.words[owner + DIGEST] === words[at + DIGEST];
        verdicts[i] = isSamePayload ? Verdict.duplicate : Verdict.conflict;
      }
    }
    return verdicts;
  }

  /** The tentative claims in parts of at most `maxClaims`; empty when there are none. */
  packTentative(maxClaims: number): Buffer[] {
    const parts: Buffer[] = [];
    for (let from = this.confirmedSize; from < this.size; from += maxClaims) {
      parts.push(packClaims(this.claims, from, Math.min(this.size, from + maxClaims)));
    }
    return parts;
  }

  /** The keys of the tentative claims as text, in the order of `packTentative`. */
  tentativeKeys(): string[] {
    const { words } = this.claims;
    return Array.from({ length: this.size - this.confirmedSize }, (_, i) => {
      const at = (this.confirmedSize + i) * CLAIM_WORDS;
      return Buffer.from(words.slice(at, at + DIGEST).buffer).toString('hex');
    });
  }

  /** Says that the tentative claims are in the log, before anything else that is new in it. */
  confirm(): void {
    this.confirmedSize = this.size;
  }

  /** Forgets the tentative claims. */
  withdraw(): void {
    if (this.claims.size === this.confirmedSize) return;
    this.claims.size = this.confirmedSize;
    this.fillSlots(this.slots.length);
  }

  private isSameRecord(owner: number, words: Uint32Array, at: number): boolean {
    for (let i = CLAIMANT; i <= INDEX; i++) {
      if (this.claims.words[owner + i] !== words[at + i]) return false;
    }
    return true;
  }

  /** The slot that holds the key at an offset of `words`, or the free one where it belongs. */
  private slotOf(words: Uint32Array, at: number): number {
    const { slots, claims } = this;
    const mask = slots.length - 1;
    const key0 = words[at] ?? 0;
    const key1 = words[at + 1] ?? 0;
    const key2 = words[at + 2] ?? 0;
    let slot = this.hashOf(key0, key1, key2) & mask;
    for (;;) {
      const row = slots[slot] ?? 0;
      if (row === 0) return slot;
      const owner = (row - 1) * CLAIM_WORDS;
      if (
        claims.words[owner] === key0 &&
        claims.words[owner + 1] === key1 &&
        claims.words[owner + 2] === key2
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  private hashOf(key0: number, key1: number, key2: number): number {
    const { seeds } = this;
    const hash =
      Math.imul(key0, seeds[0] ?? 1) + Math.imul(key1, seeds[1] ?? 1) + Math.imul(key2, seeds[2] ?? 1);
    // The lower bits of a product depend on the lower bits of its factors alone.
    const mixed = Math.imul(hash ^ (hash >>> 16), 0x9e3779b1);
    return mixed ^ (mixed >>> 15);
  }

  private insert(slot: number, words: Uint32Array, at: number): void {
    this.claims.addFrom(words, at);
    this.slots[slot] = this.size;
    if (this.size > this.slots.length * MAX_LOAD) this.fillSlots(this.slots.length * 2);
  }

  private fillSlots(length: number): void {
    const slots = new Uint32Array(length);
    const { words } = this.claims;
    const mask = length - 1;
    // No two rows have one key, so none has to be looked at to find a free slot.
    for (let row = 0, at = 0; row < this.size; row++, at += CLAIM_WORDS) {
      let slot = this.hashOf(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.slots = slots;
  }
}

/** Packs the claims from row `from` to before `to`; see the layout above. Claims of one claimant should stand together. */
export function packClaims({ words }: ClaimList, from: number, to: number): Buffer {
  const word = (row: number, field: number): number => words[row * CLAIM_WORDS + field] ?? 0;
  /** The rows at which a run begins. */
  const runs: number[] = [];
  for (let row = from; row < to; row++) {
    const continues =
      row > from &&
      word(row, CLAIMANT) === word(row - 1, CLAIMANT) &&
      word(row, CLAIMANT + 1) === word(row - 1, CLAIMANT + 1) &&
      word(row, INDEX) >= word(row - 1, INDEX);
    if (!continues) runs.push(row);
  }
  const head: number[] = [VERSION];
  pushVarint(head, runs.length);
  runs.forEach((begin, r) => {
    const end = runs[r + 1] ?? to;
    for (let i = 0; i < CLAIMANT_BYTES; i++)
      head.push((word(begin, CLAIMANT + (i >> 2)) >>> (8 * (i & 3))) & 255);
    pushVarint(head, end - begin);
    let before = 0;
    for (let row = begin; row < end; row++) {
      pushVarint(head, word(row, INDEX) - before);
      before = word(row, INDEX);
    }
  });
  const digestsAt = head.length + (to - from) * CLAIM_KEY_BYTES;
  const packed = Buffer.allocUnsafe(digestsAt + (to - from) * DIGEST_BYTES);
  packed.set(head);
  let keyAt = head.length;
  let digestAt = digestsAt;
  for (let row = from; row < to; row++) {
    keyAt = packed.writeUInt32LE(word(row, 0), keyAt);
    keyAt = packed.writeUInt32LE(word(row, 1), keyAt);
    keyAt = packed.writeUInt32LE(word(row, 2), keyAt);
    digestAt = packed.writeUInt32LE(word(row, DIGEST), digestAt);
  }
  return packed;
}

/**
 * Reads packed claims.
 *
 * @throws RangeError when the bytes are not packed claims of a known version
 */
export function unpackClaims(input: Uint8Array): ClaimList {
  const packed = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (packed[0] !== VERSION) throw new RangeError(`unknown version of packed claims: ${String(packed[0])}`);
  let at = 1;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = packed[at++];
      if (byte === undefined) throw new RangeError('packed claims are cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  /** First word of the claimant, second word, and index of each claim. */
  const owners: number[] = [];
  for (let runs = readVarint(); runs > 0; runs--) {
    if (at + CLAIMANT_BYTES > packed.length) throw new RangeError('packed claims are cut off');
    const claimant0 = packed.readUInt32LE(at);
    const claimant1 = packed.readUInt32LE(at + 4);
    at += CLAIMANT_BYTES;
    let index = 0;
    for (let count = readVarint(); count > 0; count--) {
      index += readVarint();
      owners.push(claimant0, claimant1, index);
    }
  }
  const size = owners.length / 3;
  const digestsAt = at + size * CLAIM_KEY_BYTES;
  if (packed.length !== digestsAt + size * DIGEST_BYTES) {
    throw new RangeError('packed claims have another length than they say');
  }
  const claims = new ClaimList(size);
  claims.size = size;
  const { words } = claims;
  for (let i = 0, row = 0; i < size; i++, row += CLAIM_WORDS, at += CLAIM_KEY_BYTES) {
    words[row] = packed.readUInt32LE(at);
    words[row + 1] = packed.readUInt32LE(at + 4);
    words[row + 2] = packed.readUInt32LE(at + 8);
    words[row + DIGEST] = packed.readUInt32LE(digestsAt + i * DIGEST_BYTES);
    words[row + CLAIMANT] = owners[3 * i] ?? 0;
    words[row + CLAIMANT + 1] = owners[3 * i + 1] ?? 0;
    words[row + INDEX] = owners[3 * i + 2] ?? 0;
  }
  return claims;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
