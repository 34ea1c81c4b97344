import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

/** What the issuer calls itself. */
export const ISSUER = 'https://login.example.com/tenant';
const DISCOVERY_PATH = '/tenant/.well-known/openid-configuration';
const KEYS_PATH = '/keys';

export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export function sendJson(response: ServerResponse, document: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
}

/** An issuer of tokens on a loopback port; `fetch` leads there whoever is asked. */
export class TokenIssuer {
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  /** The keys that it says it has. */
  keys: JWK[] = [];
  /** What it answers instead, by path. */
  readonly answers = new Map<string, Answer>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const answer = this.answers.get(path);
      if (answer !== undefined) answer(request, response);
      else if (path === DISCOVERY_PATH)
        sendJson(response, { issuer: ISSUER, jwks_uri: `https://keys.example.com${KEYS_PATH}` });
      else if (path === KEYS_PATH) sendJson(response, { keys: this.keys });
      else response.writeHead(404).end();
    });
  }

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    return issuer;
  }

  readonly discoveryPath = DISCOVERY_PATH;
  readonly keysPath = KEYS_PATH;

  readonly fetch = (url: URL, init: RequestInit): Promise<Response> => {
    const { port } = this.#server.address() as AddressInfo;
    return fetch(new URL(`${url.pathname}${url.search}`, `http://127.0.0.1:${String(port)}`), init);
  };

  /** Makes a key that the issuer publishes from now on. */
  async addKey(alg: string, kid = `${alg}-${String(this.keys.length)}`): Promise<IssuerKey> {
    const key = await createKey(alg, kid);
    this.keys.push(key.jwk);
    return key;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A key pair that nobody publishes. */
export async function createKey(alg: string, kid: string): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Signs a token with these claims and this header. */
export async function signToken(
  key: IssuerKey,
  claims: JWTPayload,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}
