import { TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { createFrameNames, landingFrameKey, landingLane } from '../../domain/landing-frame.ts';
import { assertStreamRecord } from '../../domain/stream-record.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FrameBus, FramePlace, OutgoingFrame, SendResult } from '../../ports/frame-bus.ts';
import type { FrameWriter } from '../../ports/landing-zone.ts';

/** Leaves a push function time to answer before its own time-out. */
const DEFAULT_BUDGET_MS = 10_000;
const PARALLEL_PUTS = 16;

/**
 * Frames of one source on their way into the landing zone. Frames with one partition key are put there one after the
 * other, so that the next is there only when the one before is; if that one is refused, those behind it are as well.
 * Every send has names of its own: two attempts of one request are two deliveries, and their records recognise each
 * other by their keys.
 */
export class LandingFrameBus implements FrameBus {
  readonly #frames: FrameWriter;
  readonly #source: string;
  readonly #clock: Clock;
  readonly #nextName: (nowMs: number) => string;
  readonly #budgetMs: number;

  constructor(options: {
    readonly frames: FrameWriter;
    readonly source: string;
    readonly clock: Clock;
    /** Something nobody else has: letters, digits and `-`, 64 at most. */
    readonly newToken: () => string;
    /** Time for one `send`, retries included. */
    readonly budgetMs?: number;
  }) {
    this.#frames = options.frames;
    this.#source = options.source;
    this.#clock = options.clock;
    this.#nextName = createFrameNames(options.newToken);
    this.#budgetMs = options.budgetMs ?? DEFAULT_BUDGET_MS;
  }

  /** @throws HeadgateError (block) when nothing could be stored because the bucket or the permission is missing */
  async send(frames: readonly OutgoingFrame[]): Promise<SendResult> {
    frames.forEach(assertStreamRecord);
    const deadlineMs = this.#clock.nowMs() + this.#budgetMs;
    const names = frames.map(() => this.#nextName(this.#clock.nowMs()));
    const durable = new Set<number>();
    let failure: Error | undefined;
    await forEachLimited(chainsOf(frames), PARALLEL_PUTS, async (chain) => {
      for (const index of chain) {
        // What nobody could repeat with success is not tried with the other frames either.
        if (failure !== undefined && !(failure instanceof TransientError)) return;
        const remainingMs = deadlineMs - this.#clock.nowMs();
        try {
          if (remainingMs <= 0) throw new TransientError('OUT_OF_TIME', 'storing frames took too long');
          await this.#frames.put(
            this.#source,
            names[index] ?? '',
            frames[index]?.bytes ?? new Uint8Array(),
            remainingMs,
          );
          durable.add(index);
        } catch (error) {
          const isWorse = failure === undefined || !(error instanceof TransientError);
          if (isWorse) failure = error instanceof Error ? error : new Error(String(error));
          return;
        }
      }
    });
    if (failure !== undefined && !(failure instanceof TransientError) && durable.size === 0) throw failure;
    const refused = frames.flatMap((_, index) => (durable.has(index) ? [] : [index]));
    const inOrder = [...durable].sort((a, b) => a - b);
    return {
      durable: inOrder,
      places: inOrder.map((index): FramePlace => ({
        lane: landingLane(this.#source),
        position: landingFrameKey(this.#source, names[index] ?? ''),
        bytes: frames[index]?.bytes.length ?? 0,
      })),
      refused,
      error: refused.length > 0 ? failure?.message : undefined,
    };
  }
}

/** Indices of frames by partition key, in order. */
function chainsOf(frames: readonly OutgoingFrame[]): number[][] {
  const chains = new Map<string, number[]>();
  for (const [index, { partitionKey }] of frames.entries()) {
    const chain = chains.get(partitionKey);
    if (chain === undefined) chains.set(partitionKey, [index]);
    else chain.push(index);
  }
  return [...chains.values()];
}
