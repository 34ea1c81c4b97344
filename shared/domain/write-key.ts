import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Random bytes of a write key. */
export const WRITE_KEY_RANDOM_BYTES = 32;

/** Active keys that a source may have: the one in use, and the one that replaces it. */
export const MAX_ACTIVE_WRITE_KEYS = 2;

/** Uses of a key are noted this far apart, so that noting them costs next to nothing. */
export const WRITE_KEY_USE_STEP_MS = 3_600_000;

/** Digits of a key's hash that people and logs see as its id. */
const ID_DIGITS = 12;

const CHECKSUM_BYTES = 4;
/** `hgk_<source>_<48 characters>`: easy to find for people and for scanners of leaked secrets. */
const WRITE_KEY = /^hgk_([a-z][a-z0-9_-]{0,62})_([A-Za-z0-9_-]{48})$/;

function checksum(source: string, random: Uint8Array): Buffer {
  const bytes = Buffer.alloc(CHECKSUM_BYTES);
  bytes.writeUInt32LE(crc32(random, crc32(source)));
  return bytes;
}

/**
 * Makes a write key of a source from 32 random bytes. Its end is a checksum, so that a key with a typing error, or
 * text that never was a key, is told without a look-up.
 */
export function toWriteKey(source: string, random: Uint8Array): string {
  return `hgk_${source}_${Buffer.concat([random, checksum(source, random)]).toString('base64url')}`;
}

/** Whether a text is written like a write key and its checksum is right; whether it exists is for the store to say. */
export function isWriteKey(text: string): boolean {
  const [, source, secret] = WRITE_KEY.exec(text) ?? [];
  if (source === undefined || secret === undefined) return false;
  const bytes = Buffer.from(secret, 'base64url');
  const random = bytes.subarray(0, WRITE_KEY_RANDOM_BYTES);
  return checksum(source, random).equals(bytes.subarray(WRITE_KEY_RANDOM_BYTES));
}

/** The hash under which a write key is stored: hex SHA-256. Keys are random, so no slow hash is needed. */
export function hashWriteKey(key: string): string {
  return hash('sha256', key);
}

/** The id of a write key, from its hash: enough to tell keys apart, and no help in guessing one. */
export function toWriteKeyId(hash: string): string {
  return hash.slice(0, ID_DIGITS);
}

/** Whether a use now is to be noted: the last one that was is at least a step ago. */
export function isUseDue(lastUsedAtMs: number | undefined, nowMs: number): boolean {
  return lastUsedAtMs === undefined || nowMs - lastUsedAtMs >= WRITE_KEY_USE_STEP_MS;
}
