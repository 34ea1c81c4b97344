import { dispositionOf } from '../domain/errors.ts';
import type { FrameBus, FramePlace, OutgoingFrame, SendResult } from '../ports/frame-bus.ts';
import type { Telemetry } from '../ports/telemetry.ts';

export interface SpillBusOptions {
  readonly stream: FrameBus;
  /** The landing zone of the source. */
  readonly landing: FrameBus;
  /** Whether frames should be kept off the stream now. */
  readonly isShedding: () => boolean;
  /** For the log and the metrics. */
  readonly source: string;
  readonly telemetry: Pick<Telemetry, 'count' | 'log'>;
}

/**
 * A stream that overflows into the landing zone. What the stream refuses is offered to the landing zone; while the
 * stream's consumer is too far behind, the other way round. A frame is durable when one of them has it, and is offered
 * to the second only when the first does not promise it: at worst both have it, and its records are recognised by their
 * keys. What is spilled lands later than what follows it, so order is promised only among frames of one place.
 *
 * A stream that is missing or denied spills as well. Otherwise senders would have to hold what we can keep, and they are
 * more likely to lose it. It does not go unnoticed: the request counts in `Errors` although it succeeds, the log has an
 * error, and what lands later than agreed sets off the alarm for latency.
 */
export class SpillBus implements FrameBus {
  readonly #options: SpillBusOptions;

  constructor(options: SpillBusOptions) {
    this.#options = options;
  }

  /**
   * @throws RejectedError when a frame fits neither
   * @throws BlockedError when both are missing or denied
   */
  async send(frames: readonly OutgoingFrame[]): Promise<SendResult> {
    const { stream, landing, isShedding } = this.#options;
    const [first, second] = isShedding() ? [landing, stream] : [stream, landing];
    const all = frames.map((_, index) => index);
    const kept = await this.#offer(first, frames, all);
    if (kept.refused.length === 0) return toResult([kept]);
    const spilled = await this.#offer(second, frames, kept.refused);
    if (spilled.durable.size > 0 && second === landing) {
      const fields = { source: this.#options.source, frames: spilled.durable.size, error: kept.error };
      this.#options.telemetry.log('warn', 'the landing zone has frames that the stream did not take', fields);
    }
    if (kept.failure !== undefined && spilled.durable.size > 0) {
      this.#options.telemetry.count('Errors', this.#options.source, 1);
    } else if (kept.failure !== undefined && spilled.failure !== undefined) {
      throw kept.failure;
    }
    return toResult([kept, spilled]);
  }

  /** Sends some of the frames over one bus. A bus that fails as a whole refuses them all. */
  async #offer(bus: FrameBus, frames: readonly OutgoingFrame[], indices: readonly number[]): Promise<Offer> {
    const offered = indices.flatMap((index) => frames[index] ?? []);
    try {
      const { durable, places, refused, error } = await bus.send(offered);
      const placeAt = new Map<number, FramePlace>();
      durable.forEach((at, i) => {
        const [index, place] = [indices[at], places[i]];
        if (index !== undefined && place !== undefined) placeAt.set(index, place);
      });
      return { durable: placeAt, refused: refused.flatMap((at) => indices[at] ?? []), error };
    } catch (failure) {
      if (!(failure instanceof Error) || dispositionOf(failure) === 'reject') throw failure;
      this.#options.telemetry.log('error', 'frames could not be sent', {
        source: this.#options.source,
        bus: bus === this.#options.stream ? 'stream' : 'landing zone',
        error: failure.message,
      });
      return { durable: new Map(), refused: indices, error: failure.message, failure };
    }
  }
}

/** What one bus made of the frames that it was offered; indices are those of all frames. */
interface Offer {
  readonly durable: ReadonlyMap<number, FramePlace>;
  readonly refused: readonly number[];
  readonly error: string | undefined;
  /** What it threw. */
  readonly failure?: Error;
}

function toResult(offers: readonly Offer[]): SendResult {
  const durable = offers.flatMap((offer) => [...offer.durable]).sort(([a], [b]) => a - b);
  const refused = offers.at(-1)?.refused ?? [];
  const errors = offers.flatMap(({ error }) => error ?? []);
  return {
    durable: durable.map(([index]) => index),
    places: durable.map(([, place]) => place),
    refused,
    error: refused.length > 0 ? errors.join('; ') : undefined,
  };
}
