/** A seeded source of random numbers: the same seed gives the same demo on every machine. */
export interface Random {
  /** From 0 (included) to `limit` (excluded), a whole number. */
  below(limit: number): number;
  /** A v4-shaped UUID. */
  uuid(): string;
}

/** Mulberry32: 32 bits of state are plenty for choosing which records are repeated. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  function hex(digits: number): string {
    let text = '';
    for (let i = 0; i < digits; i++) text += Math.floor(next() * 16).toString(16);
    return text;
  }
  return {
    below: (limit) => Math.floor(next() * limit),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'.charAt(Math.floor(next() * 4))}${hex(3)}-${hex(12)}`,
  };
}
