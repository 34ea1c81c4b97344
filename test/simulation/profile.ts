import type { Dedupe, SourceShape } from './declare-source.ts';
import { HARSH_RATES, STANDARD_RATES, type FaultRates } from './faults.ts';
import type { Rng } from './rng.ts';

/** What a run is like, drawn from its seed. */
export interface Profile {
  readonly rates: FaultRates;
  readonly sources: readonly SourceShape[];
  /** Keys per source. */
  readonly keys: number;
  readonly shards: number;
  /** Splits and merges at most. */
  readonly reshards: number;
  /** Invocations at a time; fewer than shards now and then. */
  readonly consumers: number;
  /** Attempts after which the mapping parks a delivery. */
  readonly maxAttempts: number;
  /** Chance that the mapping gives up waiting for an invocation that then goes on. */
  readonly zombie: number;
  /** Chance that an invocation has so little time that it leaves records to the next one. */
  readonly hurried: number;
  /** Bytes of one commit at most, so that a delivery needs several. */
  readonly maxBatchBytes: number;
  /** Event times are up to this many days old. */
  readonly lateDays: number;
  readonly changesContract: boolean;
  readonly changesPartition: boolean;
  /** 2: when all is delivered, time passes until all claims have expired, and new keys come. */
  readonly phases: number;
  /** Operators that replay one parked delivery, or one file of the quarantine. */
  readonly operators: number;
  /** Files of the quarantine that operators replay at most. */
  readonly quarantineReplays: number;
  /** Claims after which a bucket is closed. */
  readonly maxClaims: number;
}

const DEDUPES: readonly Dedupe[] = ['record', 'record', 'record', 'record', 'request', 'none'];

export function drawProfile(rng: Rng): Profile {
  const size = rng.pick(['standard', 'standard', 'harsh', 'large'] as const);
  const isHarsh = size === 'harsh';
  const shards = size === 'large' ? 3 + rng.int(2) : 1 + rng.int(3);
  return {
    rates: isHarsh ? HARSH_RATES : STANDARD_RATES,
    sources: Array.from({ length: rng.chance(0.3) ? 2 : 1 }, (_, at) => ({
      name: at === 0 ? 'events' : 'orders',
      dedupe: rng.pick(DEDUPES),
      timeInKey: rng.chance(0.7),
    })),
    keys: size === 'large' ? 20 : isHarsh ? 6 : 8,
    shards,
    reshards: rng.chance(0.4) ? 1 + rng.int(2) : 0,
    consumers: rng.chance(0.3) ? 1 + rng.int(shards) : Infinity,
    maxAttempts: isHarsh ? 2 : 3 + rng.int(2),
    zombie: isHarsh ? 0.4 : 0.15,
    hurried: rng.chance(0.3) ? 0.2 : 0,
    maxBatchBytes: rng.chance(0.3) ? 100 : Infinity,
    lateDays: rng.pick([1, 3, 40]),
    changesContract: rng.chance(0.25),
    changesPartition: rng.chance(0.25),
    phases: rng.chance(0.1) ? 2 : 1,
    operators: 1 + rng.int(3),
    quarantineReplays: rng.chance(0.4) ? 1 + rng.int(4) : 0,
    maxClaims: rng.pick([2, 5, 1_000_000]),
  };
}
