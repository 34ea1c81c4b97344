/**
 * The log of claimed keys of one bucket: append-only, numbered without gaps from 1.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent and returns every item with a number above `after`, in order, unless it has
 *   expired.
 * - `append` succeeds for exactly one writer per number; the others get `'conflict'`, read what is new and decide
 *   again.
 * - An append whose response was lost and that is repeated answers `'ok'` (recognised by `writer`).
 * - Items expire some time after `expiresAtMs`, never before.
 */
export interface ClaimLog {
  read(bucket: string, after: number): Promise<readonly ClaimItem[]>;
  append(bucket: string, number: number, item: NewClaimItem): Promise<'ok' | 'conflict'>;
}

export interface ClaimItem {
  readonly number: number;
  /** Packed claims, see shared/domain/claims.ts. */
  readonly packed: Uint8Array;
  /** As it was appended; the item may be there for longer. */
  readonly expiresAtMs: number;
}

export interface NewClaimItem {
  readonly packed: Uint8Array;
  /** Arrival plus the deduplication window, ms since the epoch. */
  readonly expiresAtMs: number;
  /** Unique per attempt of one writer. */
  readonly writer: string;
}
