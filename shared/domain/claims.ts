import type { Candidate } from './candidate.ts';
import { createClaimTable } from './claim-table.ts';
import { CLAIMANT_BYTES } from './identity.ts';
import { DIGEST_BYTES } from './idempotency-key.ts';

/*
 * A claim says which record owns an idempotency key. Claims of one consumer batch are packed into one item of an
 * append-only log per bucket (see ports/claim-log.ts); about 17 bytes a claim, because DynamoDB bills every kilobyte
 * written:
 *
 *   1 byte   format version (0x01)
 *   varint   number of runs; per run (claims of one claimant): claimant (8 bytes), varint count n,
 *            n varints: index of the record, as the difference to the one before
 *   12 N     fingerprints, truncated to 96 bits: 1e10 keys in one bucket collide with a probability of 6e-10
 *   4 N      payload digests
 */

const VERSION = 1;
/** Bytes of a fingerprint that are kept in a claim. */
export const CLAIM_KEY_BYTES = 12;

/**
 * What becomes of a candidate.
 *
 * - `new`: nobody owns the key; claim it
 * - `own`: an earlier delivery of the same record claimed it
 * - `duplicate`: another record with the same payload owns it
 * - `conflict`: another record with another payload owns it
 */
export type Verdict = 'new' | 'own' | 'duplicate' | 'conflict';

/** The claimed keys of one bucket, as read from its log so far. */
export interface ClaimView {
  /** Number of the newest item that is in the view. */
  readonly lastNumber: number;
  /** Claims in the view. */
  readonly size: number;
  /** Adds an item; its number must be greater than `lastNumber`. */
  add(number: number, packed: Uint8Array): void;
  /** Adds an item whose claims are at hand, because this process has just packed them. */
  addClaims(number: number, claims: readonly Candidate[]): void;
  ownerOf(key: string): Candidate | undefined;
}

/** An empty view of a bucket. */
export function createClaimView(): ClaimView {
  const owners = createClaimTable();
  let lastNumber = 0;
  return {
    get lastNumber() {
      return lastNumber;
    },
    get size() {
      return owners.size;
    },
    add(number, packed) {
      this.addClaims(number, unpackClaims(packed));
    },
    addClaims(number, claims) {
      lastNumber = number;
      // The first claim in the order of the log keeps the key.
      for (const claim of claims) owners.add(claim);
    },
    ownerOf(key) {
      return owners.get(key);
    },
  };
}

/**
 * Decides over candidates, in their order: the first of several with one key gets it, the others are duplicates (or
 * conflicts), also when the first one finds its own earlier claim.
 *
 * @returns one verdict per candidate
 */
export function decideClaims(view: ClaimView, candidates: readonly Candidate[]): Verdict[] {
  const kept = new Map<string, Candidate>();
  return candidates.map((candidate) => {
    const owner = kept.get(candidate.key) ?? view.ownerOf(candidate.key);
    if (owner === undefined) {
      kept.set(candidate.key, candidate);
      return 'new';
    }
    if (
      owner.claimant === candidate.claimant &&
      owner.index === candidate.index &&
      !kept.has(candidate.key)
    ) {
      kept.set(candidate.key, candidate);
      return 'own';
    }
    return owner.digest === candidate.digest ? 'duplicate' : 'conflict';
  });
}

/** Packs claims; see the layout above. Claims of one claimant should stand together. */
export function packClaims(claims: readonly Candidate[]): Buffer {
  const runs: { claimant: string; indices: number[] }[] = [];
  for (const claim of claims) {
    const run = runs.at(-1);
    if (run?.claimant === claim.claimant && claim.index >= (run.indices.at(-1) ?? 0)) {
      run.indices.push(claim.index);
    } else {
      runs.push({ claimant: claim.claimant, indices: [claim.index] });
    }
  }
  const head: number[] = [VERSION];
  pushVarint(head, runs.length);
  for (const run of runs) {
    for (let i = 0; i < CLAIMANT_BYTES; i++) head.push(run.claimant.charCodeAt(i));
    pushVarint(head, run.indices.length);
    let before = 0;
    for (const index of run.indices) {
      pushVarint(head, index - before);
      before = index;
    }
  }
  const keysAt = head.length;
  const digestsAt = keysAt + claims.length * CLAIM_KEY_BYTES;
  const packed = Buffer.allocUnsafe(digestsAt + claims.length * DIGEST_BYTES);
  packed.set(head);
  claims.forEach((claim, i) => {
    packed.write(claim.key, keysAt + i * CLAIM_KEY_BYTES, CLAIM_KEY_BYTES, 'latin1');
    packed.writeUInt32LE(claim.digest, digestsAt + i * DIGEST_BYTES);
  });
  return packed;
}

/**
 * Reads packed claims.
 *
 * @throws RangeError when the bytes are not packed claims of a known version
 */
export function unpackClaims(input: Uint8Array): Candidate[] {
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
  const claimants: string[] = [];
  const indices: number[] = [];
  for (let runs = readVarint(); runs > 0; runs--) {
    const claimant = packed.toString('latin1', at, at + CLAIMANT_BYTES);
    at += CLAIMANT_BYTES;
    let index = 0;
    for (let count = readVarint(); count > 0; count--) {
      index += readVarint();
      claimants.push(claimant);
      indices.push(index);
    }
  }
  const digestsAt = at + indices.length * CLAIM_KEY_BYTES;
  if (packed.length !== digestsAt + indices.length * DIGEST_BYTES) {
    throw new RangeError('packed claims have another length than they say');
  }
  return indices.map((index, i) => ({
    key: packed.toString('latin1', at + i * CLAIM_KEY_BYTES, at + (i + 1) * CLAIM_KEY_BYTES),
    digest: packed.readUInt32LE(digestsAt + i * DIGEST_BYTES),
    claimant: claimants[i] ?? '',
    index,
  }));
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
