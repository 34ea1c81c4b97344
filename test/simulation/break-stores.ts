import { packClaims, unpackClaims, type ClaimList } from '../../shared/domain/claims.ts';
import type { ClaimLog, LogEntry } from '../../shared/ports/claim-log.ts';

/** A store of which some methods are replaced. */
export function replace<Store extends object>(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => Reflect.get(name in methods ? methods : target, name) as unknown,
  });
}

/** Words of a claim: key (3), digest, claimant (2), index. */
const CLAIM_WORDS = 7;
export const CLAIMANT_WORD = 4;
export const INDEX_WORD = 6;

/** Changes the claim at an offset of the words. */
export type ClaimChange = (words: Uint32Array, at: number) => void;

/** Packed claims with other content, claim by claim. */
export function rewrite(packed: Uint8Array, change: ClaimChange): Uint8Array {
  const claims: ClaimList = unpackClaims(packed);
  for (let at = 0; at < claims.size * CLAIM_WORDS; at += CLAIM_WORDS) change(claims.words, at);
  return packClaims(claims, 0, claims.size);
}

/** A claim log that changes claims on their way into it, and out of it. */
export function rewriteClaims(
  log: ClaimLog,
  { write, read }: { readonly write?: ClaimChange; readonly read?: ClaimChange },
): ClaimLog {
  const into = (packed: Uint8Array): Uint8Array => (write === undefined ? packed : rewrite(packed, write));
  const from = (packed: Uint8Array): Uint8Array => (read === undefined ? packed : rewrite(packed, read));
  return replace(log, {
    store: (packed, expiresAtMs, isAlone) => log.store(packed.map(into), expiresAtMs, isAlone),
    read: async (bucket, after) =>
      (await log.read(bucket, after)).map((entry): LogEntry =>
        entry.kind === 'closed' ? entry : { ...entry, packed: entry.packed.map(from) },
      ),
    claimKey: async (bucket, key, packed, expiresAtMs) =>
      from(await log.claimKey(bucket, key, into(packed), expiresAtMs)),
  });
}

/** A claim log whose appends go behind whatever is there. */
export function appendAnywhere(log: ClaimLog): ClaimLog['append'] {
  return async (bucket, number, entry) => {
    for (let free = number; ; free++) {
      if ((await log.append(bucket, free, { ...entry, follows: undefined })) === 'ok') return 'ok';
    }
  };
}
