/** What goes through one shard and its consumer. MB are 1e6 bytes as they are on the stream. */
export interface DrainOptions {
  readonly arrivalMBps: number;
  readonly outageSeconds: number;
  /** From the end of the outage to the first attempt that succeeds. */
  readonly firstAttemptSeconds: number;
  /** What the stream lets one consumer read of a shard; Infinity for what the consumer could do. */
  readonly readMBps: number;
  /** Most that one invocation is given. */
  readonly maxBatchMB: number;
  /** How long an invocation takes. */
  readonly secondsOf: (batchMB: number) => number;
}

export interface Drain {
  /** From the end of the outage until nothing waits but what arrived during the last invocation. */
  readonly seconds: number;
  /** What was landed in that time, per second. */
  readonly landedMBps: number;
}

/** A drain that has not ended after this time will not. */
const MAX_SECONDS = 30 * 24 * 3600;

/**
 * One shard after its sink was down: batch after batch on a simulated clock. The stream's allowance for reading grows
 * while a batch is being landed.
 *
 * @returns undefined when the backlog grows faster than it is landed
 */
export function simulateDrain(options: DrainOptions): Drain | undefined {
  const { arrivalMBps, outageSeconds, firstAttemptSeconds, readMBps, maxBatchMB, secondsOf } = options;
  let seconds = firstAttemptSeconds;
  let waitingMB = arrivalMBps * (outageSeconds + firstAttemptSeconds);
  let landedMB = 0;
  while (seconds < MAX_SECONDS) {
    const batchMB = Math.min(maxBatchMB, waitingMB);
    const batchSeconds = Math.max(secondsOf(batchMB), batchMB / readMBps);
    seconds += batchSeconds;
    landedMB += batchMB;
    waitingMB += arrivalMBps * batchSeconds - batchMB;
    // What arrived while the last batch was landed is the next batch of every day.
    if (waitingMB <= arrivalMBps * batchSeconds) {
      return { seconds, landedMBps: landedMB / (seconds - firstAttemptSeconds) };
    }
  }
  return undefined;
}
