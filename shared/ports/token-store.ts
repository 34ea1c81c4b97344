/**
 * Where the OAuth 2 tokens of pulled sources are kept whose provider may replace the refresh token with each use. Losing
 * what is in it means that an operator has to authorise the source again, so the store is as durable as the ledger.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent; a source of which nothing is known has `NO_TOKENS`.
 * - `write` is a compare-and-set on `version`: `'conflict'` when somebody else has written since, and then it has had no
 *   effect. A write that is repeated because its answer was lost is `'ok'`.
 * - What `write` has answered `'ok'` to is durable.
 */
export interface TokenStore {
  read(source: string): Promise<StoredTokens>;
  write(source: string, expectedVersion: number, tokens: TokenState): Promise<'ok' | 'conflict'>;
}

export interface StoredTokens extends TokenState {
  readonly version: number;
}

export interface TokenState {
  /** Which configured refresh token these descend from (a digest of it): an operator who sets another one starts anew. */
  readonly origin: string;
  /** The tokens, encrypted by who writes them: the store never sees one. Empty while there are none. */
  readonly sealed: string;
  /** Who is refreshing; others wait until it has lapsed. */
  readonly lease: TokenLease | undefined;
}

interface TokenLease {
  readonly owner: string;
  /** Ms since the epoch. */
  readonly untilMs: number;
}

/** Nothing is known about a source. */
export const NO_TOKENS: StoredTokens = { version: 0, origin: '', sealed: '', lease: undefined };
