import middy, { type MiddyfiedHandler } from '@middy/core';
import * as z from 'zod';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import { runLane, type LandDeps } from '../../shared/pipeline/land.ts';
import { createLandingReader } from '../../shared/pipeline/landing/create-landing-reader.ts';
import type { ManifestCache } from '../../shared/pipeline/landing/manifests.ts';
import type { BatchStage } from '../../shared/ports/batch-stage.ts';
import type { LandingZone } from '../../shared/ports/landing-zone.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';

export interface LandHandlerDeps extends LandDeps {
  readonly zone: LandingZone;
  readonly stage: BatchStage;
  readonly manifestCache: ManifestCache;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** What a schedule sends. It names sources and nothing else: what to land follows from the ledger. */
const eventSchema = z.object({ sources: z.array(z.string()).min(1) });

/** What a run did, for people who invoke the function by hand. */
export interface LandOutcome {
  readonly sources: readonly SourceOutcome[];
}

interface SourceOutcome {
  readonly source: string;
  readonly commits: number;
  /** Whether everything that was there is landed; otherwise the next run goes on. */
  readonly finished: boolean;
  /** Why it was left until later. */
  readonly left?: 'over-budget';
}

/** Raw bytes of one commit: what fits the function's memory, and makes one file per partition of most runs. */
const MAX_BATCH_BYTES = 256 * 1024 * 1024;
/** A source that is over its budget is landed so often, which is the longest time between two landings of any source. */
const SLOWED_EVERY_MS = 3_600_000;
/** What the largest batch needs. No other one is begun when less is left. */
const BATCH_MS = 90_000;

/**
 * Lands what waits in the landing zone, source by source, until all is landed or time is up. Schedules fire twice now
 * and then, and runs overlap: whoever commits first goes on, and the other one leaves the source to it.
 *
 * It begins with any of the sources, so that in runs that are too short for all of them each has its turn. A source that
 * fails does not keep the others from landing; the run fails at its end.
 */
export function createHandler(deps: LandHandlerDeps): MiddyfiedHandler<unknown, LandOutcome> {
  const { clock, telemetry } = deps;

  async function land(
    source: Source<ReceivedSourceConfig>,
    owner: string,
    deadlineMs: number,
  ): Promise<SourceOutcome> {
    const budget = await deps.budgets?.look(source.name);
    if (budget?.isOver === true && clock.nowMs() - (budget.landedAtMs ?? 0) < SLOWED_EVERY_MS) {
      return { source: source.name, commits: 0, finished: false, left: 'over-budget' };
    }
    const reader = createLandingReader({ ...deps, source });
    const { finished, commits } = await runLane(deps, reader, {
      owner,
      deadlineMs,
      maxBatchBytes: MAX_BATCH_BYTES,
      // Schedules come faster than a backlog is landed: of the runs that meet, one does the work.
      yieldsToOthers: true,
    });
    if (budget?.isOver === true && finished && commits > 0) deps.budgets?.noteLanded(source.name);
    return { source: source.name, commits, finished };
  }

  return middy<unknown, LandOutcome>()
    .use(flushTelemetry(telemetry, { usageOf: () => ({ schedulerInvocation: 1 }), budgets: deps.budgets }))
    .handler(async (event, context) => {
      const sources = findSources(deps.sources, event);
      const deadlineMs = clock.nowMs() + context.getRemainingTimeInMillis() - BATCH_MS;
      const first = Math.floor(deps.random() * sources.length);
      const outcomes: SourceOutcome[] = [];
      const failures: { readonly source: string; readonly error: unknown }[] = [];
      for (const source of [...sources.slice(first), ...sources.slice(0, first)]) {
        try {
          const outcome = await land(source, context.awsRequestId, deadlineMs);
          telemetry.log('info', 'landing run ended', { ...outcome });
          outcomes.push(outcome);
        } catch (error) {
          telemetry.count('Errors', source.name, 1);
          telemetry.log('error', 'landing run failed', { source: source.name, error: textOf(error) });
          failures.push({ source: source.name, error });
        }
      }
      if (failures.length > 0) throw failureOf(failures, sources.length);
      return { sources: outcomes };
    });
}

/** One error for all that failed. */
function failureOf(
  failures: readonly { readonly source: string; readonly error: unknown }[],
  all: number,
): Error {
  const details = failures.map(({ source, error }) => `${source}: ${textOf(error)}`).join('; ');
  return new AggregateError(
    failures.map(({ error }) => error),
    `${String(failures.length)} of ${String(all)} sources could not be landed: ${details}`,
  );
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * @throws BlockedError with code `BAD_EVENT` or `UNKNOWN_SOURCE`: the schedule and the function were deployed apart
 */
function findSources(
  sources: ReadonlyMap<string, Source>,
  event: unknown,
): readonly Source<ReceivedSourceConfig>[] {
  const received = [...sources.values()].filter(isReceived);
  const allowed = received.map(({ name }) => name).join(', ') || 'none is declared';
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) {
    throw new BlockedError(
      'BAD_EVENT',
      `the event must be {"sources": ["<name>", …]} with at least one name; received sources: ${allowed}`,
    );
  }
  return [...new Set(parsed.data.sources)].map((name) => {
    const source = received.find((one) => one.name === name);
    if (source !== undefined) return source;
    const other = sources.get(name);
    const problem =
      other === undefined ? 'is not declared' : `has type ${other.config.type}, which is not received`;
    throw new BlockedError(
      'UNKNOWN_SOURCE',
      `source ${JSON.stringify(name.slice(0, 63))} ${problem}; received sources: ${allowed}; deploy again if the configuration has changed`,
    );
  });
}

function isReceived(source: Source): source is Source<ReceivedSourceConfig> {
  return source.config.type === 'push' || source.config.type === 'webhook';
}
