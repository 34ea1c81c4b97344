import { laneOf, slowsDownByLanding } from '../../shared/config/lane-of.ts';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { LagWatch } from '../../shared/pipeline/backpressure/lag-watch.ts';
import { LandingFrameBus } from '../../shared/pipeline/landing/landing-frame-bus.ts';
import { SpillBus } from '../../shared/pipeline/spill-bus.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { FrameBus } from '../../shared/ports/frame-bus.ts';
import type { FrameWriter } from '../../shared/ports/landing-zone.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';

/** Time that sending frames may take, retries included. */
export const SEND_BUDGET_MS = 10_000;
/**
 * Of it, what the stream has where its frames may spill: the landing zone needs the rest. A throttled stream gives up
 * within a second anyway; this is for one that does not answer.
 */
const SPILLING_STREAM_BUDGET_MS = 4_000;

export interface FrameBusesDeps {
  /** The stream with so much time for one `send`; undefined where none is deployed. */
  readonly stream: ((budgetMs: number) => FrameBus) | undefined;
  /** The landing zone; undefined where none is deployed. */
  readonly frames: FrameWriter | undefined;
  readonly lag: Pick<LagWatch, 'shouldShed'>;
  /** The monthly budgets of sources; absent where nobody watches them. */
  readonly budgets?: Pick<Budgets, 'isOver'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Something nobody else has: letters, digits and `-`, 64 at most. */
  readonly newToken: () => string;
}

/** Where the frames of a source go. */
export type BusOf = (source: Source<ReceivedSourceConfig>) => FrameBus;

/**
 * Chooses the bus of each source: the stream, the landing zone, or the stream with what it does not take in the landing
 * zone. While a source is over its monthly budget the landing zone comes first, if its frames have no order. A source has one bus as long as the process lives, which keeps the order of its frames.
 *
 * @returns a function that throws a BlockedError with code `BUS_MISSING` where function and stack were deployed apart
 */
export function createFrameBuses(deps: FrameBusesDeps): BusOf {
  const buses = new Map<string, FrameBus>();

  function streamBusOf(source: string, budgetMs: number): FrameBus {
    if (deps.stream === undefined) throw missing(source, 'the ingest stream (INGEST_STREAM)');
    return deps.stream(budgetMs);
  }

  function landingBusOf(source: string, budgetMs: number): FrameBus {
    const { frames, clock, newToken } = deps;
    if (frames === undefined) throw missing(source, 'the landing zone (LAKE_BUCKET)');
    return new LandingFrameBus({ frames, source, clock, newToken, budgetMs });
  }

  function createBus({ name: source, config }: Source<ReceivedSourceConfig>): FrameBus {
    if (laneOf(config) === 'landing') return landingBusOf(source, SEND_BUDGET_MS);
    const mayLeave = slowsDownByLanding(config);
    const isOver = (): boolean => mayLeave && deps.budgets?.isOver(source) === true;
    const onlyStream = config.overflow === 'refuse' ? streamBusOf(source, SEND_BUDGET_MS) : undefined;
    if (onlyStream !== undefined && !mayLeave) return onlyStream;
    const spilling = new SpillBus({
      stream: streamBusOf(source, SPILLING_STREAM_BUDGET_MS),
      landing: landingBusOf(source, SEND_BUDGET_MS - SPILLING_STREAM_BUDGET_MS),
      isShedding: () => isOver() || deps.lag.shouldShed(config.priority).shed,
      source,
      telemetry: deps.telemetry,
    });
    if (onlyStream === undefined) return spilling;
    return { send: (frames) => (isOver() ? spilling : onlyStream).send(frames) };
  }

  return (source) => {
    let bus = buses.get(source.name);
    if (bus === undefined) buses.set(source.name, (bus = createBus(source)));
    return bus;
  };
}

function missing(source: string, what: string): BlockedError {
  return new BlockedError(
    'BUS_MISSING',
    `frames of ${source} go to ${what}, which the function does not know; deploy all stacks again`,
  );
}
