import { randomUUID } from 'node:crypto';
import type { HttpAuth } from '../../../config/http-auth.ts';
import type { TokenStore } from '../../../ports/token-store.ts';
import type { RequestDraft } from '../request-draft.ts';
import { resolveValue } from '../resolve-value.ts';
import { currentAccessToken } from './refresh-tokens.ts';
import { requestToken, type OAuth2, type TokenRequestDeps } from './request-token.ts';
import type { AccessToken } from './seal-tokens.ts';

export interface AuthDeps extends TokenRequestDeps {
  readonly tokens: TokenStore;
}

interface AuthOptions {
  /** When the credentials are of no use any more, ms since the epoch. */
  readonly deadlineMs: number;
  /** Credential that the API has just refused: another one is wanted. */
  readonly rejected?: string | undefined;
}

/** Adds the credentials of a source to its requests. */
export interface Authenticator {
  /** @returns the credential, which must appear in no message and no log; undefined where there is none */
  authorize(draft: RequestDraft, options: AuthOptions): Promise<string | undefined>;
  /** Query parameter that holds a credential, and must not be kept with the address of a next page. */
  readonly secretParameter: string | undefined;
}

/** Makes the authenticator of a source. Access tokens are kept in memory until shortly before they expire. */
export function createAuthenticator(auth: HttpAuth | undefined, deps: AuthDeps): Authenticator {
  if (auth === undefined) return { secretParameter: undefined, authorize: () => Promise.resolve(undefined) };
  const credential = credentialOf(auth, deps);
  const secretParameter = auth.type === 'api-key' && auth.in === 'query' ? auth.name : undefined;
  return {
    secretParameter,
    async authorize(draft, options) {
      const value = await credential(options);
      if (secretParameter !== undefined) draft.url.searchParams.set(secretParameter, value);
      else if (auth.type === 'api-key') draft.headers[auth.name.toLowerCase()] = value;
      else draft.headers['authorization'] = `${auth.type === 'basic' ? 'Basic' : 'Bearer'} ${value}`;
      return value;
    },
  };
}

type Credential = (options: AuthOptions) => Promise<string>;

function credentialOf(auth: HttpAuth, deps: AuthDeps): Credential {
  const { parameters } = deps;
  // A secret that was replaced is read at once when the old one is refused.
  const age = ({ rejected }: AuthOptions) => (rejected === undefined ? undefined : { maxAgeMs: 0 });
  switch (auth.type) {
    case 'bearer':
      return (options) => resolveValue(auth.token, parameters, age(options));
    case 'api-key':
      return (options) => resolveValue(auth.key, parameters, age(options));
    case 'basic':
      return async (options) => {
        const username = await resolveValue(auth.username, parameters, age(options));
        const password = auth.password && (await resolveValue(auth.password, parameters, age(options)));
        return Buffer.from(`${username}:${password ?? ''}`).toString('base64');
      };
    case 'oauth2-client-credentials':
      return cached(deps, async (_, deadlineMs) => {
        const { access } = await requestToken(auth, { grant_type: 'client_credentials' }, deps, deadlineMs);
        return access;
      });
    case 'oauth2-refresh-token':
      return refreshed(auth, deps);
  }
}

function refreshed(auth: Extract<OAuth2, { refreshToken: unknown }>, deps: AuthDeps): Credential {
  const owner = randomUUID();
  return cached(deps, async (rejected, deadlineMs) => {
    const { parameter } = auth.refreshToken;
    // An operator who has set another token expects it to be used now.
    const configured = (await deps.parameters.get(parameter, { maxAgeMs: 0 })).trim();
    const exchange = (refreshToken: string, untilMs: number) =>
      requestToken(auth, { grant_type: 'refresh_token', refresh_token: refreshToken }, deps, untilMs);
    return currentAccessToken(
      { ...deps, owner, store: deps.tokens, configured, parameter, exchange },
      rejected,
      deadlineMs,
    );
  });
}

/** Keeps an access token until it expires or is refused; callers at the same time wait for one and the same request. */
function cached(
  { clock }: AuthDeps,
  fetchToken: (rejected: string | undefined, deadlineMs: number) => Promise<AccessToken>,
): Credential {
  let access: AccessToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  return async ({ rejected, deadlineMs }) => {
    if (access !== undefined && access.token !== rejected && access.expiresAtMs > clock.nowMs()) {
      return access.token;
    }
    pending ??= fetchToken(rejected, deadlineMs).finally(() => {
      pending = undefined;
    });
    access = await pending;
    return access.token;
  };
}
