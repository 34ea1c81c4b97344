/** The number that bytes hold in two's complement, big endian; 0 for none. */
export function toSigned(bytes: Buffer): bigint {
  return BigInt.asIntN(bytes.length * 8, bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`));
}
