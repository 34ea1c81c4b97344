import { createSeededRandom } from '../../domain/seeded-random.ts';

/**
 * What can go wrong with one attempt of a call.
 *
 * - `delay`: the answer comes late
 * - `throttle`, `server-error`, `access-denied`, `conflict` (409): the service refuses; nothing has happened
 * - `reset-before`: the connection breaks; nothing has happened
 * - `reset-after`: the connection breaks after the effect, so the answer is lost
 *
 * A refused condition (412) is not among them: it tells of something that stands there, and follows by itself when a
 * conditional write is repeated after a lost answer.
 */
export type Fault =
  | { readonly kind: 'delay'; readonly ms: number }
  | {
      readonly kind:
        'throttle' | 'server-error' | 'access-denied' | 'conflict' | 'reset-before' | 'reset-after';
    };

/** One attempt of a call, before it is made. */
export interface Attempt {
  /** What is called: the SDK's name without `Command`, e.g. `PutItem`, or the method of a port. */
  readonly operation: string;
  /** 1 for the first attempt of a call, 2 for the SDK's first repetition, … */
  readonly attempt: number;
}

/** Decides what goes wrong, under an AWS client, a memory store or on the wire of the embedded cloud. */
export interface FaultPlan {
  onAttempt?(attempt: Attempt): Fault | undefined;
  /** Which entries (by index) of a PutRecords call fail; the others are sent. */
  failEntries?(entries: number): readonly number[];
}

/** Chance of each fault per attempt, from 0 to 1; what is left of 1 goes well. */
export type FaultRates = Readonly<Partial<Record<Fault['kind'] | 'partial', number>>>;

const MAX_DELAY_MS = 50;

/** A plan that is the same for the same seed and the same order of calls. */
export function seededFaults(seed: number, rates: FaultRates): Required<FaultPlan> {
  const random = createSeededRandom(seed);
  const kinds = Object.entries(rates).filter(([kind]) => kind !== 'partial') as [Fault['kind'], number][];
  return {
    onAttempt() {
      let left = random();
      for (const [kind, rate] of kinds) {
        left -= rate;
        if (left < 0) return kind === 'delay' ? { kind, ms: random() * MAX_DELAY_MS } : { kind };
      }
      return undefined;
    },
    failEntries(entries) {
      if (random() >= (rates.partial ?? 0)) return [];
      return Array.from({ length: entries }, (_, index) => index).filter(() => random() < 0.5);
    },
  };
}
