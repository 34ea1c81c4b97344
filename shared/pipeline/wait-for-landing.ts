import { GLANCE_TIMEOUTS } from '../domain/backoff.ts';
import { comparePositions } from '../domain/identity.ts';
import { dispositionOf } from '../domain/errors.ts';
import { isStreamLane, replayLane } from '../domain/stream-batch.ts';
import type { Clock } from '../ports/clock.ts';
import type { FramePlace } from '../ports/frame-bus.ts';
import type { LedgerStore } from '../ports/ledger-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/*
 * A waiting request is dear because its function runs on, not because it reads: 23 s of a function with 1769 MiB cost
 * $530 per million requests, the fifteen or so reads of the ledger that fit in there $1.90. The pauses grow by half, so
 * that the number of reads hardly grows with the time, and nobody waits much longer than half as long again as landing
 * took.
 */
const FIRST_PAUSE_MS = 250;
const PAUSE_GROWTH = 1.5;
const MAX_PAUSE_MS = 2_000;

/**
 * What waiting must leave of the function's time: for a round that has begun, which reads the position, the ranges and
 * those of replays one after the other, and for the answer.
 */
export const WAIT_RESERVE_MS = 3 * GLANCE_TIMEOUTS.callMs + 1_000;

export interface WaitDeps {
  /** Should give up within `GLANCE_TIMEOUTS`: what it cannot tell now it is asked again. */
  readonly ledger: Pick<LedgerStore, 'read' | 'rangesOverlapping'>;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'log'>;
}

/**
 * Waits until durable frames are in the lake (or in quarantine, or counted as duplicates: until their delivery is
 * committed).
 *
 * That the position of their lane has passed is not enough: a lane may have been ceded, its records being left to a
 * replay. So a frame has landed when a committed range covers it, on its shard's lane or on the lane of its replays.
 *
 * One read per lane and round; when the lane has passed all frames of the request, one query of its ranges.
 * A read that fails is repeated like one that found nothing: the frames are durable whatever the ledger answers.
 *
 * @param places where the frames stand, as the bus answered
 * @param deadlineMs no read begins after this; the answer comes at the latest when a read that has begun then ends
 * @returns whether all have landed; false at once when one stands elsewhere than on a stream, because what is collected
 * in S3 lands on a schedule, and when the ledger may not be read
 */
export async function waitForLanding(
  deps: WaitDeps,
  places: readonly FramePlace[],
  deadlineMs: number,
): Promise<boolean> {
  if (!places.every(({ lane }) => isStreamLane(lane))) return false;
  let waiting = toShards(places);
  let failed = false;
  for (
    let pauseMs = FIRST_PAUSE_MS;
    waiting.length > 0;
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * PAUSE_GROWTH)
  ) {
    if (deps.clock.nowMs() + pauseMs > deadlineMs) return false;
    await deps.clock.sleep(pauseMs);
    const results = await Promise.allSettled(waiting.map((shard) => stillWaiting(deps.ledger, shard)));
    const next: WaitingShard[] = [];
    for (const [i, shard] of waiting.entries()) {
      const result = results[i];
      if (result?.status === 'fulfilled') {
        if (result.value !== undefined) next.push(result.value);
        continue;
      }
      next.push(shard);
      if (!failed) logFailure(deps.telemetry, shard.lane, result?.reason);
      failed = true;
      if (dispositionOf(result?.reason) !== 'retry') return false;
    }
    waiting = next;
  }
  return true;
}

/** The frames of one shard that are not seen to have landed. */
interface WaitingShard {
  readonly lane: string;
  /** In order, at least one. */
  readonly positions: readonly string[];
  /** The lane has passed them without landing them: only its replays can. */
  readonly isCeded: boolean;
}

function toShards(places: readonly FramePlace[]): readonly WaitingShard[] {
  const byLane = Map.groupBy(places, ({ lane }) => lane);
  return [...byLane].map(([lane, ofLane]) => ({
    lane,
    positions: ofLane.map(({ position }) => position).sort(comparePositions),
    isCeded: false,
  }));
}

/** @returns what has not landed, or undefined when everything has */
async function stillWaiting(
  ledger: WaitDeps['ledger'],
  { lane, positions, isCeded }: WaitingShard,
): Promise<WaitingShard | undefined> {
  let missing = positions;
  if (!isCeded) {
    const { position } = await ledger.read(lane);
    if (position === undefined || comparePositions(position, positions.at(-1) ?? '') < 0) {
      return { lane, positions, isCeded };
    }
    // Nobody commits behind a lane's position: what its ranges do not cover now they never will.
    missing = await withoutLanded(ledger, lane, positions);
    if (missing.length === 0) return undefined;
  }
  missing = await withoutLanded(ledger, replayLane(lane), missing);
  return missing.length === 0 ? undefined : { lane, positions: missing, isCeded: true };
}

async function withoutLanded(
  ledger: WaitDeps['ledger'],
  lane: string,
  positions: readonly string[],
): Promise<readonly string[]> {
  const ranges = await ledger.rangesOverlapping(lane, positions[0] ?? '', positions.at(-1) ?? '');
  return positions.filter(
    (position) =>
      !ranges.some(
        ({ from, to }) => comparePositions(from, position) <= 0 && comparePositions(position, to) <= 0,
      ),
  );
}

function logFailure(telemetry: Pick<Telemetry, 'log'>, lane: string, reason: unknown): void {
  telemetry.log('warn', 'the ledger could not be read for a request that waits for its records to land', {
    lane,
    error: reason instanceof Error ? reason.message : String(reason),
  });
}
