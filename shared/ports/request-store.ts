/**
 * Remembers requests by their Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
 *
 * Promises of every implementation:
 * - `begin` is atomic: of several simultaneous requests with one key exactly one gets `'new'`.
 * - A `begin` that is repeated by the SDK after a lost response answers `'new'` again to the same `attempt`.
 * - A request that began and never completed may be begun again after `leaseUntilMs`.
 * - `complete` of an attempt that has been superseded changes nothing.
 */
export interface RequestStore {
  begin(request: RequestClaim): Promise<BeginResult>;
  complete(request: RequestClaim, answer: StoredAnswer): Promise<void>;
  /** Forgets an attempt that did not store anything, so that the sender can repeat it at once. */
  release(request: RequestClaim): Promise<void>;
}

export interface RequestClaim {
  readonly source: string;
  readonly idempotencyKey: string;
  /** Hex SHA-256 of the request's body and content type. */
  readonly payloadHash: string;
  /** Unique per attempt. */
  readonly attempt: string;
  readonly nowMs: number;
  readonly leaseUntilMs: number;
  readonly expiresAtMs: number;
}

export type BeginResult =
  | { readonly status: 'new' }
  | { readonly status: 'in-progress' }
  | { readonly status: 'other-payload' }
  | { readonly status: 'done'; readonly answer: StoredAnswer };

/** The first answer, given again to every repetition. */
export interface StoredAnswer {
  readonly statusCode: number;
  readonly body: string;
}
