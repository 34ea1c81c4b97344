import { headerOf, unverified, type Headers } from './headers.ts';
import { fromBase64, toPublicKey, type SignedContent, type SigningKey } from './signing-key.ts';

/** What the headers of a delivery claim. Nothing of it is true before a signature has been found right. */
export interface Claim extends SignedContent {
  /** The time that was signed, where the scheme has one. */
  readonly signedAtMs?: number;
  /** The id that a header gives to the delivery. */
  readonly id?: {
    readonly text: string;
    /** Whether the signature covers it; one that it does not cover may be anybody's. */
    readonly isSigned: boolean;
  };
}

/** What a handshake is answered with, instead of storing anything. */
export interface DeliveryAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How one service signs its deliveries. */
export interface Scheme {
  /** How far the signed time may be from ours; undefined where no time is signed. */
  readonly toleranceMs: number | undefined;
  /** Where the body has the id of the delivery, if it is there and not in a header. */
  readonly idPath?: readonly string[];
  /** @returns the key, or what is wrong with the secret: never the secret itself */
  toKey(secret: string): SigningKey | string;
  /**
   * @throws HttpProblem `unauthorized` when a header is missing or unreadable
   */
  read(headers: Headers, body: Buffer): Claim;
  /** The answer to a body that is no event but a handshake. */
  answerTo?(document: unknown): DeliveryAnswer | undefined;
}

/** A key for HMAC-SHA256 out of a secret that is used as the text it is. */
export function toTextKey(encoding: 'hex' | 'base64'): (secret: string) => SigningKey {
  return (secret) => ({ kind: 'hmac', algorithm: 'sha256', encoding, key: Buffer.from(secret) });
}

/** A key out of a secret in base64, for HMAC-SHA256 or, where it is a public key, for Ed25519. */
export function toStandardKey(secret: string): SigningKey | string {
  const [, prefix = '', text = ''] = /^(wh[sp]k_|whsec_)?(.*)$/s.exec(secret) ?? [];
  if (prefix === 'whsk_') {
    return "is the sender's private key (whsk_…), which belongs nowhere but there; put its public key (whpk_…) here";
  }
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length === 0) {
    return 'is not base64, with or without the prefix whsec_ (or whpk_ for a public key)';
  }
  if (prefix !== 'whpk_') return { kind: 'hmac', algorithm: 'sha256', encoding: 'base64', key: bytes };
  return (
    toPublicKey(bytes) ?? 'is not the public key of Ed25519: after whpk_ there must be 32 bytes in base64'
  );
}

/**
 * A time in seconds since the epoch.
 *
 * @throws HttpProblem `unauthorized`
 */
export function secondsToMs(text: string, where: string): number {
  if (!/^\d{1,11}$/.test(text)) {
    throw unverified(`${where} must be a whole number of seconds since 1970-01-01T00:00:00Z`);
  }
  return Number(text) * 1000;
}

/** An id in a header that the signature does not cover. */
export function unsignedId(headers: Headers, name: string): Claim['id'] {
  const text = headerOf(headers, name);
  return text === undefined ? undefined : { text, isSigned: false };
}
