import {
  isSlotAlive,
  slotOf,
  type Announcement,
  type Demand,
  type QuotaStore,
} from '../../ports/quota-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Announced demand in memory, for instances of one process. */
export class MemoryQuotaStore implements QuotaStore {
  /** Calls that had their effect. */
  writes = 0;
  /** Sums by slot, of each bucket. */
  readonly #buckets = new Map<string, Map<number, Demand>>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  announce(
    bucket: string,
    announcement: Announcement,
    { replaces, nowMs }: { readonly replaces: Announcement | undefined; readonly nowMs: number },
  ): Promise<Demand> {
    return takeTurn(this.#turn, { port: 'quota', operation: 'announce', subject: bucket }, () => {
      this.writes += 1;
      const slots = this.#buckets.get(bucket) ?? new Map<number, Demand>();
      this.#buckets.set(bucket, slots);
      for (const slot of slots.keys()) if (!isSlotAlive(slot, nowMs)) slots.delete(slot);
      add(slots, slotOf(announcement), announcement.demand, 1);
      if (replaces !== undefined && isSlotAlive(slotOf(replaces), nowMs)) {
        add(slots, slotOf(replaces), replaces.demand, -1);
      }
      const sums = [...slots].filter(([slot]) => isSlotAlive(slot, nowMs)).map(([, sum]) => sum);
      return {
        requests: sums.reduce((total, { requests }) => total + requests, 0),
        bytes: sums.reduce((total, { bytes }) => total + bytes, 0),
      };
    });
  }
}

function add(slots: Map<number, Demand>, slot: number, demand: Demand, sign: 1 | -1): void {
  const { requests, bytes } = slots.get(slot) ?? { requests: 0, bytes: 0 };
  slots.set(slot, { requests: requests + sign * demand.requests, bytes: bytes + sign * demand.bytes });
}
