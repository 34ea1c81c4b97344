import middy, { type MiddyfiedHandler } from '@middy/core';
import * as z from 'zod';
import type { HttpSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import { runLane, type LandDeps } from '../../shared/pipeline/land.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { BatchStage } from '../../shared/ports/batch-stage.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';

export interface PullHandlerDeps extends LandDeps {
  readonly stage: BatchStage;
  /** Opens a source; called once per source and process, so that connections are kept between runs. */
  readonly openSource: (source: Source<HttpSourceConfig>) => PullSource;
}

/** What a schedule sends. It names the source and nothing else: what to read follows from the ledger. */
const eventSchema = z.object({ source: z.string() });

/** What a run did, for people who invoke the function by hand. */
export interface PullOutcome {
  readonly source: string;
  readonly commits: number;
  /** Whether the source was read to its end; otherwise the next run goes on. */
  readonly finished: boolean;
}

/**
 * Reads one source until there is nothing left or time is up. Schedules fire twice now and then, and runs overlap:
 * whoever commits first wins, the other one reads the ledger again and goes on from there.
 */
export function createHandler(deps: PullHandlerDeps): MiddyfiedHandler<unknown, PullOutcome> {
  const pullSources = new Map<string, PullSource>();

  function pullSourceOf(source: Source<HttpSourceConfig>): PullSource {
    let pages = pullSources.get(source.name);
    if (pages === undefined) {
      pages = deps.openSource(source);
      pullSources.set(source.name, pages);
    }
    return pages;
  }

  return middy<unknown, PullOutcome>()
    .use(flushTelemetry(deps.telemetry))
    .handler(async (event, context) => {
      const { clock, telemetry, ledger, stage } = deps;
      const source = findSource(deps.sources, event);
      const deadlineMs = clock.nowMs() + context.getRemainingTimeInMillis();
      try {
        const pages = pullSourceOf(source);
        const reader = createPullReader({ source, pages, stage, clock, telemetry, deadlineMs });
        const { finished, commits } = await runLane(deps, reader, {
          owner: context.awsRequestId,
          deadlineMs,
        });
        if (!finished) reader.observe(await ledger.read(reader.lane));
        const ageMs = reader.checkpointAgeMs();
        if (ageMs !== undefined) telemetry.record('CheckpointAge', source.name, ageMs);
        telemetry.log('info', 'pull run ended', { source: source.name, commits, finished });
        return { source: source.name, commits, finished };
      } catch (error) {
        telemetry.count('Errors', source.name, 1);
        throw error;
      }
    });
}

/** @throws BlockedError with code `UNKNOWN_SOURCE`: the schedule and the function were deployed apart */
function findSource(sources: ReadonlyMap<string, Source>, event: unknown): Source<HttpSourceConfig> {
  const parsed = eventSchema.safeParse(event);
  const http = [...sources.values()].filter(isHttpSource);
  const allowed = http.map(({ name }) => name).join(', ') || 'none is declared';
  if (!parsed.success) {
    throw new BlockedError(
      'BAD_EVENT',
      `the event must be {"source": "<name>"}; sources of type http: ${allowed}`,
    );
  }
  const source = http.find(({ name }) => name === parsed.data.source);
  if (source !== undefined) return source;
  const other = sources.get(parsed.data.source);
  const problem = other === undefined ? 'is not declared' : `has type ${other.config.type}`;
  throw new BlockedError(
    'UNKNOWN_SOURCE',
    `source ${JSON.stringify(parsed.data.source.slice(0, 63))} ${problem}; sources of type http: ${allowed}; deploy again if the configuration has changed`,
  );
}

function isHttpSource(source: Source): source is Source<HttpSourceConfig> {
  return source.config.type === 'http';
}
