import { createSeededRandom } from '../../shared/domain/seeded-random.ts';

/**
 * What may go wrong between a stream and its function, for tests. Each rate is the share of invocations, 0 to 1, that
 * it happens to; the same seed gives the same decisions for the same sequence of batches of a shard.
 */
export interface DeliveryFaults {
  readonly seed: number;
  /** A batch that succeeded is delivered once more. */
  readonly duplicate?: number;
  /** A batch is cut at another place, or joined with the one that follows it. */
  readonly recut?: number;
  /** An invocation counts as timed out after up to `zombieAfterMs` while it goes on running beside its successor. */
  readonly zombie?: number;
  /** Longest time before a zombie is given up; 200 by default. */
  readonly zombieAfterMs?: number;
  /** The function succeeds, but its answer is lost and the batch is delivered again. */
  readonly dropResponse?: number;
  /** A batch is sent to the failure destination although nothing is wrong with it. */
  readonly discard?: number;
  /** Asked first: a fault for which it answers true happens now, whatever its rate. */
  readonly script?: (shardId: string, fault: DeliveryFault) => boolean;
}

export type DeliveryFault = 'duplicate' | 'recut' | 'zombie' | 'dropResponse' | 'discard';

/** The decisions for one shard. */
export interface FaultDice {
  /** Whether this fault happens now. */
  hits(fault: DeliveryFault): boolean;
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
}

/** Makes the seeded decisions for a shard; without faults nothing ever hits. */
export function createFaultDice(faults: DeliveryFaults | undefined, shardId: string): FaultDice {
  if (faults === undefined) return { hits: () => false, between: (low) => low };
  const random = createSeededRandom(hash(`${String(faults.seed)}/${shardId}`));
  return {
    hits: (fault) => faults.script?.(shardId, fault) === true || random() < (faults[fault] ?? 0),
    between: (low, high) => low + Math.floor(random() * (high - low + 1)),
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193);
  return value >>> 0;
}
