import type { Clock } from '../../ports/clock.ts';
import { retryDelayMs } from './retry-delay.ts';

/** Seconds that are remembered. */
const WINDOW_SECONDS = 10;

/** What one instance got through to the stream, and what it did not. */
export interface DrainMeter {
  /** Notes what became of one send. */
  note(sent: { readonly durableBytes: number; readonly refusedBytes: number }): void;
  /** After how many ms a sender whose frames were just refused should repeat the request: 1,000 to 60,000. */
  retryAfterMs(): number;
}

interface Second {
  readonly second: number;
  durableBytes: number;
  refusedBytes: number;
}

/**
 * Estimates how long refused bytes need: as long as it takes at the pace at which bytes became durable in the last ten
 * seconds, counting only seconds in which something was sent. (A pace per second of the wall would tell how little was
 * asked for, not how little was taken.)
 *
 * While nothing at all gets through, the answer is as long as that has lasted: a sender that obeys comes back after 1, 1,
 * 2, 4, 8, … seconds. Counting refusals instead would double with the number of senders.
 */
export function createDrainMeter(
  clock: Pick<Clock, 'nowMs'>,
  random: () => number = Math.random,
): DrainMeter {
  let seconds: Second[] = [];
  /** When the first refusal came after the last success. */
  let blockedSinceMs: number | undefined;

  function note({ durableBytes, refusedBytes }: { durableBytes: number; refusedBytes: number }): void {
    const nowMs = clock.nowMs();
    const second = Math.floor(nowMs / 1000);
    seconds = seconds.filter((entry) => entry.second > second - WINDOW_SECONDS && entry.second <= second);
    const last = seconds.at(-1);
    if (last?.second === second) {
      last.durableBytes += durableBytes;
      last.refusedBytes += refusedBytes;
    } else {
      seconds.push({ second, durableBytes, refusedBytes });
    }
    if (durableBytes > 0) blockedSinceMs = undefined;
    else if (refusedBytes > 0) blockedSinceMs ??= nowMs;
  }

  function needMs(): number {
    const nowMs = clock.nowMs();
    const oldest = Math.floor(nowMs / 1000) - WINDOW_SECONDS;
    let durable = 0;
    let refused = 0;
    let busySeconds = 0;
    for (const { second, durableBytes, refusedBytes } of seconds) {
      if (second <= oldest) continue;
      durable += durableBytes;
      refused += refusedBytes;
      busySeconds++;
    }
    if (durable > 0) return (refused / durable) * busySeconds * 1000;
    return blockedSinceMs === undefined ? 0 : nowMs - blockedSinceMs;
  }

  return { note, retryAfterMs: () => retryDelayMs(needMs(), random()) };
}
