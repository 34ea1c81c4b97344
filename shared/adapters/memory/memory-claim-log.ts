import type { ClaimItem, ClaimLog, NewClaimItem } from '../../ports/claim-log.ts';
import type { Clock } from '../../ports/clock.ts';
import { takeTurn, type Turn } from './turn.ts';

/** A claim log in memory. Given a clock, items disappear as soon as they may; without one they stay. */
export class MemoryClaimLog implements ClaimLog {
  readonly #buckets = new Map<string, Map<number, NewClaimItem>>();
  readonly #turn: Turn | undefined;
  readonly #clock: Clock | undefined;

  constructor(options: { readonly turn?: Turn; readonly clock?: Clock } = {}) {
    this.#turn = options.turn;
    this.#clock = options.clock;
  }

  read(bucket: string, after: number): Promise<readonly ClaimItem[]> {
    return takeTurn(this.#turn, { port: 'claims', operation: 'read', subject: bucket }, () =>
      this.peek(bucket).filter((item) => item.number > after),
    );
  }

  append(bucket: string, number: number, item: NewClaimItem): Promise<'ok' | 'conflict'> {
    return takeTurn(this.#turn, { port: 'claims', operation: 'append', subject: bucket }, () => {
      const items = this.#live(bucket);
      const present = items.get(number);
      if (present !== undefined) return present.writer === item.writer ? 'ok' : 'conflict';
      items.set(number, { ...item, packed: Uint8Array.from(item.packed) });
      return 'ok';
    });
  }

  /** Names of all buckets that were ever written, outside of any turn. */
  buckets(): readonly string[] {
    return [...this.#buckets.keys()];
  }

  /** The items of a bucket in order, outside of any turn. */
  peek(bucket: string): readonly ClaimItem[] {
    return [...this.#live(bucket)]
      .map(([number, { packed, expiresAtMs }]) => ({ number, packed, expiresAtMs }))
      .sort((a, b) => a.number - b.number);
  }

  #live(bucket: string): Map<number, NewClaimItem> {
    let items = this.#buckets.get(bucket);
    if (items === undefined) {
      items = new Map();
      this.#buckets.set(bucket, items);
    }
    if (this.#clock !== undefined) {
      const nowMs = this.#clock.nowMs();
      for (const [number, item] of items) if (item.expiresAtMs < nowMs) items.delete(number);
    }
    return items;
  }
}
