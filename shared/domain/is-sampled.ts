import { hash } from 'node:crypto';

const HASHES = 2 ** 32;

/**
 * Whether something is in a sample of all that there is. The same text is always, or never, in a sample of one size, and is
 * in all larger ones.
 *
 * @param share from 0 (nothing) to 1 (everything)
 */
export function isSampled(text: string, share: number): boolean {
  return hash('sha256', text, 'buffer').readUInt32BE() < share * HASHES;
}
