/**
 * Who owns which idempotency key. The claims of one bucket are an append-only log: entries numbered without gaps from 1,
 * whose order decides. The claims themselves (large) are stored apart from the entries that put them in order (small):
 * DynamoDB bills a refused write by its size, and several consumers that append to one bucket refuse each other often.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent and returns every entry with a number above `after`, in order, unless it has
 *   expired. What an entry refers to is read with it.
 * - `append` succeeds for exactly one writer per number; the others get `'conflict'`, read what is new and decide
 *   again. With `follows` it succeeds only while the entry before it is still the one of that writer.
 * - `claimKey` gives a key to exactly one claim and answers everybody with that one.
 * - A write whose response was lost and that is repeated answers as the first one did.
 * - What expires disappears some time after its `expiresAtMs`, never before. A bucket that was closed stays closed.
 */
export interface ClaimLog {
  read(bucket: string, after: number): Promise<readonly LogEntry[]>;

  /**
   * Makes packed claims durable where nobody looks, for `append`. Without an append they are never seen.
   *
   * @param isAlone nobody else seems to append to the bucket: claims may travel in the entry, whatever a refusal costs
   */
  store(packed: readonly Uint8Array[], expiresAtMs: number, isAlone?: boolean): Promise<StoredClaims>;

  append(bucket: string, number: number, entry: NewLogEntry): Promise<'ok' | 'conflict'>;

  /**
   * Claims one key by itself, for buckets that are too large to be read.
   *
   * @param key the claimed key as text
   * @param packed the claim, see shared/domain/claims.ts
   * @returns the claim that owns the key: this one, or an earlier one
   */
  claimKey(bucket: string, key: string, packed: Uint8Array, expiresAtMs: number): Promise<Uint8Array>;
}

/** Claims that are ready to be appended: in the entry itself, or stored under an id. */
export type StoredClaims =
  | { readonly kind: 'inline'; readonly packed: Uint8Array }
  | { readonly kind: 'stored'; readonly id: string; readonly items: number };

/** Packed claims of one batch (see shared/domain/claims.ts), or the end of the log: nothing may be appended any more. */
export type LogEntry = { readonly number: number; readonly writer: string } & (
  | {
      readonly kind: 'claims';
      readonly packed: readonly Uint8Array[];
      /** As it was appended; the entry may be there for longer. */
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'closed' }
);

export type NewLogEntry = {
  /** Unique per attempt of one writer. */
  readonly writer: string;
  /** Writer of the entry before this one, if that one may have expired. */
  readonly follows?: string;
} & (
  | {
      readonly kind: 'claims';
      readonly claims: StoredClaims;
      /** Arrival plus the deduplication window, ms since the epoch: the same as given to `store`. */
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'closed' }
);

/** Claims of up to this size travel in their entry, which then costs no more than one that refers to them. */
export const MAX_INLINE_CLAIM_BYTES = 800;
