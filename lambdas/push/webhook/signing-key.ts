import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';

/** A signature as it was sent. */
export interface SentSignature {
  readonly kind: SigningKey['kind'];
  readonly text: string;
}

/** What a delivery has to prove: that who knows a secret signed these bytes. */
export interface SignedContent {
  /** What was signed, in order. */
  readonly parts: readonly (string | Buffer)[];
  /** Several, while the sender replaces its secret. One that matches is enough. */
  readonly signatures: readonly SentSignature[];
}

interface HmacKey {
  readonly kind: 'hmac';
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64' | 'base64url';
  readonly key: Buffer;
}

export interface PublicKey {
  readonly kind: 'ed25519';
  readonly key: KeyObject;
}

/** What a secret of a source can verify. */
export type SigningKey = HmacKey | PublicKey;

/** Prefix of the DER form of an Ed25519 public key (RFC 8410); the 32 bytes of the key follow. */
const ED25519_DER = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;

/** @returns undefined when the bytes are not as long as a key */
export function toPublicKey(bytes: Buffer): PublicKey | undefined {
  if (bytes.length !== ED25519_KEY_BYTES) return undefined;
  const key = createPublicKey({ key: Buffer.concat([ED25519_DER, bytes]), format: 'der', type: 'spki' });
  return { kind: 'ed25519', key };
}

/** The bytes of base64 that is written as it should be: padded, nothing around it, no bits left over. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  // Lengths are no secret: that of the right signature is known to everybody.
  return left.length === right.length && timingSafeEqual(left, right);
}

function hmacOf({ algorithm, key, encoding }: HmacKey, parts: SignedContent['parts']): string {
  const hmac = createHmac(algorithm, key);
  for (const part of parts) hmac.update(part);
  return hmac.digest(encoding);
}

function matchesHmac(key: HmacKey, { parts, signatures }: SignedContent): boolean {
  // The texts are compared, not the bytes: each signature has one spelling (hex in either case).
  const expected = hmacOf(key, parts);
  let matches = false;
  for (const { kind, text } of signatures) {
    if (kind !== 'hmac') continue;
    const isMatch = isEqual(expected, key.encoding === 'hex' ? text.toLowerCase() : text);
    matches ||= isMatch;
  }
  return matches;
}

function matchesPublicKey({ key }: PublicKey, { parts, signatures }: SignedContent): boolean {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return signatures.some(({ kind, text }) => {
    const signature = kind === 'ed25519' ? fromBase64(text) : undefined;
    return signature?.length === ED25519_SIGNATURE_BYTES && verify(null, content, key, signature);
  });
}

/**
 * Whether one of the signatures was made with one of the keys. Every signature is compared with every secret key, each
 * in constant time, so that the time it takes does not tell which of them nearly matched.
 */
export function isSigned(content: SignedContent, keys: readonly SigningKey[]): boolean {
  let found = false;
  for (const key of keys) {
    const isMatch = key.kind === 'hmac' ? matchesHmac(key, content) : matchesPublicKey(key, content);
    found ||= isMatch;
  }
  return found;
}
