import type { BatchStage } from '../../ports/batch-stage.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Staged batches in memory. */
export class MemoryBatchStage implements BatchStage {
  readonly #batches = new Map<string, Uint8Array>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  find(lane: string, number: number): Promise<Uint8Array | undefined> {
    const key = `${lane}/${String(number)}`;
    return takeTurn(this.#turn, { port: 'stage', operation: 'find', subject: key }, () =>
      this.#batches.get(key),
    );
  }

  decide(lane: string, number: number, bytes: Uint8Array): Promise<Uint8Array> {
    const key = `${lane}/${String(number)}`;
    return takeTurn(this.#turn, { port: 'stage', operation: 'decide', subject: key }, () => {
      const present = this.#batches.get(key);
      if (present !== undefined) return present;
      const copy = Uint8Array.from(bytes);
      this.#batches.set(key, copy);
      return copy;
    });
  }

  remove(lane: string, numbers: readonly number[]): Promise<void> {
    return takeTurn(this.#turn, { port: 'stage', operation: 'remove', subject: lane }, () => {
      for (const number of numbers) this.#batches.delete(`${lane}/${String(number)}`);
    });
  }

  /** What is kept of a lane, outside of any turn. */
  numbersOf(lane: string): readonly number[] {
    const begin = `${lane}/`;
    return [...this.#batches.keys()]
      .filter((key) => key.startsWith(begin))
      .map((key) => Number(key.slice(begin.length)))
      .sort((a, b) => a - b);
  }
}
