import type { HttpAuth } from '../../../config/http-auth.ts';
import { BlockedError, TransientError } from '../../../domain/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ParameterStore } from '../../../ports/parameter-store.ts';
import { resolveValue } from '../resolve-value.ts';
import { retryAfterMs } from '../retry-after.ts';
import { BusyError } from '../judge-answer.ts';
import type { HttpAnswer, HttpSender } from '../send-request.ts';
import type { AccessToken } from './seal-tokens.ts';

export type OAuth2 = Extract<HttpAuth, { tokenUrl: unknown }>;

export interface TokenRequestDeps {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly sender: HttpSender;
  readonly parameters: ParameterStore;
  readonly clock: Clock;
  readonly allowPrivateNetwork: boolean;
  readonly timeoutMs: number;
}

/** What a token endpoint answers. */
export interface TokenAnswer {
  readonly access: AccessToken;
  /** The next refresh token; undefined when the one that was used stays. */
  readonly refreshToken: string | undefined;
}

/** The provider does not take the refresh token (any more). */
export class InvalidGrantError extends BlockedError {}

const MAX_ANSWER_BYTES = 1024 * 1024;
/** Where the provider does not say how long a token lives; one that is refused earlier is renewed then. */
const DEFAULT_LIFETIME_S = 300;
/** A token is not used in its last minute, or in the last tenth of a short life. */
const MARGIN_S = 60;

/**
 * Asks a token endpoint (RFC 6749). It goes through the same checks of addresses as every request of the source. Nothing
 * that the provider says but its error code comes into a message.
 *
 * @param deadlineMs when the answer is of no use any more, ms since the epoch
 * @throws InvalidGrantError with code `TOKEN_REFUSED` when the grant is refused
 * @throws BlockedError with code `TOKEN_REFUSED` for any other refusal, or an answer without a token
 * @throws TransientError when the provider is busy or does not answer
 */
export async function requestToken(
  auth: OAuth2,
  grant: Readonly<Record<string, string>>,
  deps: TokenRequestDeps,
  deadlineMs: number,
): Promise<TokenAnswer> {
  const { name, parameters, clock } = deps;
  const url = await resolveValue(auth.tokenUrl, parameters);
  if (!URL.canParse(url)) {
    throw new BlockedError('PULL_URL_REFUSED', `sources.${name}.auth.tokenUrl is not a URL`);
  }
  const nowMs = clock.nowMs();
  const timeoutMs = Math.min(deps.timeoutMs, deadlineMs - nowMs);
  if (timeoutMs <= 0) throw new TransientError('PULL_TIMEOUT', 'no time is left to ask for a token');
  const form = new URLSearchParams({ ...auth.parameters, ...grant });
  if (auth.scopes.length > 0) form.set('scope', auth.scopes.join(' '));
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  await addClient(auth, form, headers, parameters);
  const answer = await deps.sender.send(new URL(url), {
    body: form.toString(),
    headers,
    allowPrivateNetwork: deps.allowPrivateNetwork,
    timeoutMs,
    maxBytes: MAX_ANSWER_BYTES,
  });
  return toTokenAnswer(name, answer, nowMs);
}

async function addClient(
  auth: OAuth2,
  form: URLSearchParams,
  headers: Record<string, string>,
  parameters: ParameterStore,
): Promise<void> {
  const id = await resolveValue(auth.clientId, parameters);
  const secret = auth.clientSecret && (await resolveValue(auth.clientSecret, parameters));
  if (auth.clientAuth === 'basic' && secret !== undefined) {
    // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
    const pair = `${formEncoded(id)}:${formEncoded(secret)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    return;
  }
  form.set('client_id', id);
  if (secret !== undefined) form.set('client_secret', secret);
}

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);

function toTokenAnswer(name: string, { status, headers, body, url }: HttpAnswer, nowMs: number): TokenAnswer {
  const where = `the token endpoint ${url.host}${url.pathname} of source ${name}`;
  if (status === 408 || status === 429 || status >= 500) {
    const waitMs = retryAfterMs(headers['retry-after'], nowMs);
    throw new BusyError(
      `${where} answered with status ${String(status)}`,
      waitMs === undefined ? undefined : nowMs + waitMs,
    );
  }
  const fields = parseFields(body);
  if (status < 200 || status >= 300) {
    const code =
      typeof fields['error'] === 'string' && /^[a-z_]{1,40}$/.test(fields['error']) ? fields['error'] : '';
    const what = `${where} answered with status ${String(status)}${code === '' ? '' : ` (${code})`}`;
    if (code === 'invalid_grant') throw new InvalidGrantError('TOKEN_REFUSED', what);
    throw new BlockedError(
      'TOKEN_REFUSED',
      `${what}; check tokenUrl, clientId, clientSecret, clientAuth and scopes in sources.${name}.auth`,
    );
  }
  const { access_token: token, expires_in: expiresIn, refresh_token: refreshToken } = fields;
  if (typeof token !== 'string' || token === '') {
    throw new BlockedError(
      'TOKEN_REFUSED',
      `${where} answered without an access_token; check sources.${name}.auth.tokenUrl`,
    );
  }
  const lifetimeS = Number(expiresIn) > 0 ? Number(expiresIn) : DEFAULT_LIFETIME_S;
  const usableS = lifetimeS - Math.min(MARGIN_S, lifetimeS / 10);
  return {
    access: { token, expiresAtMs: nowMs + usableS * 1000 },
    refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : undefined,
  };
}

function parseFields(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
