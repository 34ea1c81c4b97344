import type { ServerResponse } from 'node:http';
import type { SeenRequest } from './local-server.ts';

export interface OAuthProviderOptions {
  /** Refresh tokens that a used one is replaced by; the used one is invalid at once. Default: they stay. */
  readonly rotates?: boolean;
  /** Seconds that an access token lives. */
  readonly expiresIn?: number;
}

/** A provider of OAuth 2 tokens, and the API behind it. */
export class OAuthProvider {
  readonly #options: OAuthProviderOptions;
  #issued = 0;
  /** Refresh tokens that were used: a second use revokes the grant, as RFC 9700 asks of providers. */
  readonly #spent = new Set<string>();
  refreshToken = 'refresh-0';
  /** The one access token that is valid. */
  accessToken: string | undefined;
  isRevoked = false;
  tokenRequests: { readonly form: URLSearchParams; readonly authorization: string | undefined }[] = [];

  constructor(options: OAuthProviderOptions = {}) {
    this.#options = options;
  }

  /** Answers requests for tokens at `/token`. @returns whether it was one */
  handle({ url, body, headers }: SeenRequest, response: ServerResponse): boolean {
    if (url.pathname !== '/token') return false;
    const form = new URLSearchParams(body);
    this.tokenRequests.push({ form, authorization: headers.authorization });
    if (form.get('grant_type') === 'refresh_token' && !this.#take(form.get('refresh_token') ?? '')) {
      response.writeHead(400).end('{"error":"invalid_grant","error_description":"secret words"}');
      return true;
    }
    const n = ++this.#issued;
    this.accessToken = `access-${String(n)}`;
    const { rotates = false, expiresIn = 3600 } = this.#options;
    if (rotates) this.refreshToken = `refresh-${String(n)}`;
    const answer = {
      access_token: this.accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      ...(rotates && { refresh_token: this.refreshToken }),
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    return true;
  }

  isAllowed({ headers }: SeenRequest): boolean {
    return this.accessToken !== undefined && headers.authorization === `Bearer ${this.accessToken}`;
  }

  #take(token: string): boolean {
    if (this.#spent.has(token)) this.isRevoked = true;
    if (this.isRevoked || token !== this.refreshToken) return false;
    if (this.#options.rotates === true) this.#spent.add(token);
    return true;
  }
}
