import { hash } from 'node:crypto';

/** Bytes of a fingerprint: SHA-256 truncated to 128 bits. */
export const FINGERPRINT_BYTES = 16;

/** Bytes of a payload digest: enough to notice the same key with another payload. */
export const DIGEST_BYTES = 4;

/** A scalar that is part of an idempotency key; `undefined` when the record does not have the field. */
export type KeyPart = string | number | bigint | boolean | null | undefined;

/**
 * The text that is hashed: the source's name and the parts, each with a type tag and its length, so that
 * ("a_b", "c") and ("a", "b_c"), 1 and "1", null and "" are all different keys.
 */
function encodeKey(source: string, parts: readonly KeyPart[]): string {
  let text = `${String(source.length)}:${source}`;
  for (const part of parts) {
    if (part === undefined) text += 'u';
    else if (part === null) text += 'z';
    else if (typeof part === 'string') text += `s${String(part.length)}:${part}`;
    else {
      const value = String(part);
      text += `${typeof part === 'boolean' ? 'b' : 'n'}${String(value.length)}:${value}`;
    }
  }
  return text;
}

/** The first bytes of SHA-256. As text and back: a buffer that the hash itself makes costs as much as hashing a record. */
function shortHash(data: string | Uint8Array, bytes: number): Buffer {
  return Buffer.from(hash('sha256', data, 'binary').slice(0, bytes), 'latin1');
}

/** The 16-byte fingerprint of an idempotency key. Two keys differ unless they have the same parts, one by one. */
export function fingerprint(source: string, parts: readonly KeyPart[]): Buffer {
  return shortHash(encodeKey(source, parts), FINGERPRINT_BYTES);
}

/** The 4-byte digest of a record's original bytes. */
export function payloadDigest(bytes: Uint8Array): Buffer {
  return shortHash(bytes, DIGEST_BYTES);
}
