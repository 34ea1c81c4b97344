import { BlockedError, TransientError } from '../../../domain/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StoredTokens, TokenState, TokenStore } from '../../../ports/token-store.ts';
import { InvalidGrantError, type TokenAnswer } from './request-token.ts';
import { openTokens, originOf, sealTokens, type AccessToken, type Tokens } from './seal-tokens.ts';

/*
 * Refresh tokens that the provider replaces with each use: whoever uses one twice may lose the whole grant. So
 *
 * 1. one instance at a time refreshes: it takes a lease in the store, compare-and-set, that outlasts its request;
 * 2. what the provider answers is stored, compare-and-set, before any of it is used;
 * 3. all instances use the access token that is stored, until shortly before it expires.
 *
 * Between the provider's answer and the store's lies the one moment that no protocol removes: the old token is spent and
 * the new one known to nobody but a process that may die. The next refresh then uses the old one again. Providers that
 * accept it for a while (a grace period, or until the new one is first used) go on as if nothing had happened. Those that
 * refuse it at once need an operator, and the message says what to do. The token before the current one is tried too: it
 * helps where the provider has withdrawn the newer one because its answer was never acknowledged.
 */

export interface RefreshDeps {
  readonly name: string;
  /** This process. */
  readonly owner: string;
  readonly store: TokenStore;
  readonly clock: Clock;
  /** The refresh token of the configuration. */
  readonly configured: string;
  /** SSM parameter that holds it, for messages. */
  readonly parameter: string;
  /** Longest that one exchange with the provider may take. */
  readonly timeoutMs: number;
  exchange(refreshToken: string, deadlineMs: number): Promise<TokenAnswer>;
}

/** What a lease has beyond the two exchanges that it is for. */
const LEASE_RESERVE_MS = 30_000;
const POLL_MS = 250;
const MAX_STORE_ATTEMPTS = 8;

/**
 * An access token that is not `rejected`: the stored one, or a new one.
 *
 * @param rejected token that the API has refused
 * @throws BlockedError with code `TOKEN_REFUSED` when the provider takes no refresh token that is known
 * @throws TransientError with code `TOKEN_BUSY` when another instance is still refreshing at the deadline
 */
export async function currentAccessToken(
  deps: RefreshDeps,
  rejected: string | undefined,
  deadlineMs: number,
): Promise<AccessToken> {
  const { name, store, clock, owner } = deps;
  for (;;) {
    const stored = await store.read(name);
    const tokens = openTokens(name, deps.configured, stored) ?? firstTokens(deps.configured);
    const nowMs = clock.nowMs();
    const { access } = tokens;
    if (access !== undefined && access.token !== rejected && access.expiresAtMs > nowMs) return access;
    const { lease } = stored;
    if (lease !== undefined && lease.owner !== owner && lease.untilMs > nowMs) {
      if (nowMs + POLL_MS >= deadlineMs) {
        throw new TransientError(
          'TOKEN_BUSY',
          `another run is refreshing the access token of source ${name}; it is tried again`,
        );
      }
      await clock.sleep(POLL_MS);
      continue;
    }
    const untilMs = nowMs + 2 * deps.timeoutMs + LEASE_RESERVE_MS;
    const leased = toState(deps, tokens, { owner, untilMs });
    if ((await store.write(name, stored.version, leased)) === 'conflict') continue;
    // A lease that has lapsed means that somebody has died while refreshing.
    const isAfterCrash = lease !== undefined && lease.owner !== owner;
    const answer = await exchange(deps, tokens, isAfterCrash, deadlineMs).catch(async (error: unknown) => {
      // Nothing was replaced, so nobody has to wait for the lease to lapse.
      if (error instanceof BlockedError) {
        await store.write(name, stored.version + 1, toState(deps, tokens, undefined));
      }
      throw error;
    });
    const next: Tokens = {
      refreshToken: answer.refreshToken ?? answer.used,
      previous: answer.refreshToken === undefined ? tokens.previous : answer.used,
      access: answer.access,
    };
    const kept = await keep(deps, { ...leased, version: stored.version + 1 }, tokens, next);
    if (kept) return answer.access;
  }
}

const firstTokens = (configured: string): Tokens => ({
  refreshToken: configured,
  previous: undefined,
  access: undefined,
});

function toState({ name, configured }: RefreshDeps, tokens: Tokens, lease: TokenState['lease']): TokenState {
  return { origin: originOf(name, configured), sealed: sealTokens(name, configured, tokens), lease };
}

interface Exchanged extends TokenAnswer {
  /** The refresh token that was taken. */
  readonly used: string;
}

async function exchange(
  deps: RefreshDeps,
  { refreshToken, previous }: Tokens,
  isAfterCrash: boolean,
  deadlineMs: number,
): Promise<Exchanged> {
  try {
    return { ...(await deps.exchange(refreshToken, deadlineMs)), used: refreshToken };
  } catch (error) {
    if (!(error instanceof InvalidGrantError)) throw error;
    if (previous === undefined) throw refused(deps, error, isAfterCrash);
    try {
      return { ...(await deps.exchange(previous, deadlineMs)), used: previous };
    } catch (second) {
      throw second instanceof InvalidGrantError ? refused(deps, error, isAfterCrash) : second;
    }
  }
}

function refused(
  { name, parameter }: RefreshDeps,
  error: InvalidGrantError,
  isAfterCrash: boolean,
): BlockedError {
  const why = isAfterCrash
    ? 'a run ended between its answer and storing it, and the provider takes no token twice'
    : 'it was withdrawn, has expired or was used elsewhere';
  return new BlockedError(
    'TOKEN_REFUSED',
    `${error.message}: the refresh token is not valid any more (${why}); authorise source ${name} again and put the new refresh token into SSM parameter ${parameter}`,
    { cause: error },
  );
}

/**
 * Stores what the provider has answered. The answer is the only copy of a token that has replaced another, so a store
 * that fails is asked again, and a lease that somebody else has taken meanwhile does not keep it out; only tokens that
 * are newer do.
 *
 * @returns whether it is stored
 */
async function keep(deps: RefreshDeps, leased: StoredTokens, spent: Tokens, next: Tokens): Promise<boolean> {
  const { name, store, clock } = deps;
  const state = toState(deps, next, undefined);
  let { version } = leased;
  for (let attempts = 1; ; attempts++) {
    try {
      if ((await store.write(name, version, state)) === 'ok') return true;
      const stored = await store.read(name);
      if (openTokens(name, deps.configured, stored)?.refreshToken !== spent.refreshToken) return false;
      version = stored.version;
    } catch (error) {
      if (!(error instanceof TransientError) || attempts >= MAX_STORE_ATTEMPTS) throw error;
      await clock.sleep(POLL_MS * attempts);
    }
  }
}
