import { BlockedError } from '../../domain/errors.ts';
import type { StoredTokens, TokenStore } from '../../ports/token-store.ts';

/**
 * Tokens that a check may use and never renews. A refresh token may be good for one use only, and what replaces it would
 * be known to nobody. It relies on the order that renewing keeps: the lease is written before the provider is asked.
 *
 * @param read what the deployment has stored; `NO_TOKENS` where there is none
 */
export function createReadOnlyTokens(read: (source: string) => Promise<StoredTokens>): TokenStore {
  return {
    read,
    write: (source) =>
      Promise.reject(
        new BlockedError(
          'TOKEN_NOT_SPENT',
          `source ${source} has no access token that is valid now, and a new one would use its refresh token, which may be ` +
            'good for one use only: the API was not asked. The first run renews it; headgate status then says how it went',
        ),
      ),
  };
}
