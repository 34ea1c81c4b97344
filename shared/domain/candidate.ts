/** A record that wants a key. */
export interface Candidate {
  /** The first 12 bytes of the fingerprint, as a latin1 string. */
  readonly key: string;
  /** 4 bytes of the payload's digest, little endian. */
  readonly digest: number;
  /** 8 bytes, as a latin1 string: who asks, the same on every redelivery. */
  readonly claimant: string;
  /** Index of the record inside its frame; 0 where a whole request claims. */
  readonly index: number;
}
