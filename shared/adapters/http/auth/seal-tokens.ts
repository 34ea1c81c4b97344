import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto';
import type { TokenState } from '../../../ports/token-store.ts';

/*
 * Tokens as they are stored: AES-256-GCM under a key that follows from the configured refresh token, a SecureString that
 * only the function that pulls may read. Who can read the store cannot read the tokens, and what descends from another
 * configured token cannot be taken for this one's.
 */

/** What a source holds between two refreshes. */
export interface Tokens {
  /** The refresh token to use next. */
  readonly refreshToken: string;
  /** The one before it: some providers take it once more when the answer that replaced it was lost. */
  readonly previous: string | undefined;
  readonly access: AccessToken | undefined;
}

export interface AccessToken {
  readonly token: string;
  /** Ms since the epoch. */
  readonly expiresAtMs: number;
}

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What tells the descendants of one configured token from those of another; it says nothing about the token. */
export function originOf(source: string, configured: string): string {
  return hash('sha256', `headgate token origin\n${source}\n${configured}`, 'base64url');
}

/** Encrypts tokens for a store. */
export function sealTokens(source: string, configured: string, tokens: Tokens): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, keyOf(source, configured), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(tokens), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
}

/** Tokens of a store; undefined where there are none that descend from the configured token. */
export function openTokens(
  source: string,
  configured: string,
  { origin, sealed }: TokenState,
): Tokens | undefined {
  if (origin !== originOf(source, configured) || sealed === '') return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv(ALGORITHM, keyOf(source, configured), bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  return JSON.parse(text.toString('utf8')) as Tokens;
}

function keyOf(source: string, configured: string): Buffer {
  return Buffer.from(hkdfSync('sha256', configured, '', `headgate tokens of ${source}`, KEY_BYTES));
}
