import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { PUSH_TIMEOUTS } from '../../domain/backoff.ts';
import type { Clock } from '../../ports/clock.ts';
import { fetchJson, unavailable, type Fetch } from './fetch-json.ts';

/** After this time the keys are read again. */
const FRESH_MS = 10 * 60_000;
/** While the issuer cannot be reached, its last keys are believed for this long. */
const BELIEVED_MS = 60 * 60_000;
/** A token whose key is not known makes the keys be read again, but not sooner than this after the last time. */
const COOL_DOWN_MS = 30_000;
/** An issuer that cannot be reached is not asked again sooner than this. */
const FAILURE_COOL_DOWN_MS = 10_000;

/** Where the keys of an issuer come from. */
export interface IssuerAddress {
  readonly issuer: string;
  /** Without it, what the issuer says under /.well-known/openid-configuration. */
  readonly jwksUrl?: string;
}

/** The keys of an issuer cannot be had now. */
export class KeysUnavailable extends Error {
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.name = 'KeysUnavailable';
    this.retryAfterMs = retryAfterMs;
  }
}

/** The keys as they were read last. */
interface KnownKeys {
  readonly find: JWTVerifyGetKey;
  readonly readAtMs: number;
}

/**
 * The public keys of one issuer, kept between requests. However many tokens come and whatever they say, the issuer is
 * asked twice a minute at most, and six times a minute while it fails.
 */
export class IssuerKeys {
  readonly #address: IssuerAddress;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  #known: KnownKeys | undefined;
  /** What went wrong the last time, and when. */
  #failure: { readonly reason: string; readonly atMs: number } | undefined;
  #reading: Promise<void> | undefined;

  constructor(options: { readonly address: IssuerAddress; readonly fetch: Fetch; readonly clock: Clock }) {
    this.#address = options.address;
    this.#fetch = options.fetch;
    this.#clock = options.clock;
  }

  /**
   * The key that a token names.
   *
   * @throws KeysUnavailable when the issuer cannot be asked, and what is known does not decide
   * @throws JWKSNoMatchingKey when the issuer has no such key
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#ageMs() >= FRESH_MS) await this.#read();
    const { find, readAtMs } = this.#believed();
    try {
      return await find(header, token);
    } catch (error) {
      // The issuer may have a new key.
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#ageMs() < COOL_DOWN_MS) throw error;
      await this.#read();
      if (this.#known?.readAtMs === readAtMs) throw this.#unavailable();
      return await this.#believed().find(header, token);
    }
  };

  #ageMs(): number {
    return this.#known === undefined ? Infinity : this.#clock.nowMs() - this.#known.readAtMs;
  }

  #believed(): KnownKeys {
    if (this.#known === undefined || this.#ageMs() >= BELIEVED_MS) throw this.#unavailable();
    return this.#known;
  }

  #unavailable(): KeysUnavailable {
    const { reason = 'not read yet', atMs = 0 } = this.#failure ?? {};
    const waitMs = atMs + FAILURE_COOL_DOWN_MS - this.#clock.nowMs();
    return new KeysUnavailable(`the keys of the issuer cannot be had: ${reason}`, Math.max(1_000, waitMs));
  }

  /** Reads the keys, unless that failed a moment ago. A failure is noted and not thrown. */
  async #read(): Promise<void> {
    if (this.#failure !== undefined && this.#clock.nowMs() - this.#failure.atMs < FAILURE_COOL_DOWN_MS)
      return;
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readNow(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(PUSH_TIMEOUTS.callMs);
      const address = this.#address.jwksUrl ?? (await this.#discover(signal));
      const document = await fetchJson(this.#fetch, address, signal);
      this.#known = { find: toKeySet(document), readAtMs: this.#clock.nowMs() };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = {
        reason: error instanceof Error ? error.message : String(error),
        atMs: this.#clock.nowMs(),
      };
    }
  }

  /** OpenID Connect Discovery 1.0, section 4: https://openid.net/specs/openid-connect-discovery-1_0.html */
  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer } = this.#address;
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { issuer: named, jwks_uri: jwksUrl } = await fetchJson(this.#fetch, address, signal);
    if (named !== issuer) {
      throw unavailable('its openid-configuration names another issuer; compare auth.issuer with it');
    }
    if (typeof jwksUrl !== 'string') {
      throw unavailable('its openid-configuration has no jwks_uri; set auth.jwksUrl');
    }
    return jwksUrl;
  }
}

function toKeySet(document: Readonly<Record<string, unknown>>): JWTVerifyGetKey {
  try {
    // It checks the shape itself.
    return createLocalJWKSet(document as unknown as JSONWebKeySet);
  } catch (error) {
    throw unavailable('what it answered is not a set of keys (JWKS)', error);
  }
}
