import { createSeededRandom } from '../../shared/domain/seeded-random.ts';

/** Chooses what the demo repeats and breaks: the same seed gives the same demo on every machine. */
export interface Random {
  /** A whole number from 0 (included) to `limit` (excluded). */
  below(limit: number): number;
  /** A v4-shaped UUID. */
  uuid(): string;
}

export function createRandom(seed: number): Random {
  const next = createSeededRandom(seed);
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
