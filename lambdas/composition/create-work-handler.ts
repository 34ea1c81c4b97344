import middy, { type MiddyfiedHandler } from '@middy/core';
import * as z from 'zod';
import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { MeteredAmounts } from '../../shared/domain/cost/metered-prices.ts';
import type { Source } from '../../shared/domain/source.ts';
import {
  runPart,
  runSource,
  settleSource,
  type PullOutcome,
  type RunRequest,
  type RunSourceDeps,
  type SourceReader,
} from '../../shared/pipeline/runs/run-source.ts';
import type { SourceHold } from '../../shared/pipeline/runs/hold-source.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type {
  AcceptWork,
  BackfillWork,
  PullWork,
  SplitWork,
  WorkDeliveries,
  WorkQueue,
} from '../../shared/ports/work-queue.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';
import { toWoken, wakeSources } from './wake-sources.ts';

/** One invocation's share of a piece of work. */
export interface WorkContext {
  /** The invocation's id. */
  readonly owner: string;
  /** When it must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

/** Does a part of a source's work; what lands is counted by the telemetry. */
type RunPart<Config extends PulledSourceConfig, Work> = (
  source: Source<Config>,
  work: Work,
  context: WorkContext & { readonly telemetry: Telemetry },
) => Promise<void>;

export interface WorkHandlerDeps<Config extends PulledSourceConfig> extends RunSourceDeps {
  readonly queue: WorkQueue & WorkDeliveries;
  /** Types of the sources that the function reads. */
  readonly types: readonly Config['type'][];
  /** Makes the reader of one run. */
  readonly openReader: (
    source: Source<Config>,
    context: WorkContext,
    stayHere: SourceHold['check'],
  ) => SourceReader | Promise<SourceReader>;
  /** Reads a part of a large extract, where there are such. */
  readonly runSplit?: RunPart<Config, SplitWork>;
  /** Goes on with a backfill, where there are such. */
  readonly runBackfill?: RunPart<Config, BackfillWork>;
  /** Lets deletes land that were held back, where there are such. */
  readonly acceptDeletes?: (source: Source<Config>, work: AcceptWork) => Promise<void>;
  /** Called at the end of every invocation, whatever came of it. */
  readonly afterwards?: () => Promise<void>;
}

const workSchema = z.union([
  z.strictObject({
    source: z.string(),
    task: z.literal('run').default('run'),
    woken: z.literal(true).optional(),
  }),
  z.strictObject({ source: z.string(), task: z.literal('settle') }),
  z.strictObject({ source: z.string(), task: z.literal('accept-deletes'), inventory: z.int() }),
  z.strictObject({ source: z.string(), task: z.literal('split'), extract: z.int(), slot: z.int() }),
  z.strictObject({
    source: z.string(),
    task: z.literal('backfill'),
    backfill: z.int(),
    slot: z.int().optional(),
  }),
]);

/** What an event-source mapping of a queue sends: one message at a time. */
const queueEventSchema = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.literal('aws:sqs'),
        receiptHandle: z.string(),
        body: z.string(),
        attributes: z.object({ ApproximateReceiveCount: z.coerce.number() }),
      }),
    )
    .length(1),
});

/** A message is received by the mapping, and deleted. */
const MESSAGE: MeteredAmounts = { sqsRequest: 2 };
const SCHEDULED: MeteredAmounts = { schedulerInvocation: 1 };

const isMessage = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'Records' in event;

type QueueMessage = z.output<typeof queueEventSchema>['Records'][number];

/** Pauses of work that fails: half a minute, doubled each time, 15 minutes at most. */
const FIRST_PAUSE_SECONDS = 30;
const MAX_PAUSE_SECONDS = 900;

/**
 * The handler of a function that reads sources on a schedule. An event names the source and what is to be done, and
 * nothing else: what to read follows from the ledger. Schedules fire twice now and then, queues deliver twice, and runs
 * overlap: whoever commits first wins, the other one reads the ledger again and goes on from there.
 */
export function createWorkHandler<Config extends PulledSourceConfig>(
  deps: WorkHandlerDeps<Config>,
): MiddyfiedHandler<unknown, PullOutcome | undefined> {
  async function perform(
    work: PullWork,
    context: WorkContext,
    receives: number,
  ): Promise<PullOutcome | undefined> {
    const source = findSource(deps, work.source);
    const request: RunRequest = {
      ...context,
      source,
      open: (stayHere) => deps.openReader(source, context, stayHere),
    };
    switch (work.task) {
      case undefined:
      case 'run':
        return await runSource(deps, {
          ...request,
          ...(work.woken && { wake: { isRetry: receives > 1 } }),
        });
      case 'settle':
        return await settleSource(deps, request);
      case 'accept-deletes':
        await required(deps.acceptDeletes, work)(source, work);
        return undefined;
      case 'split': {
        const runSplit = required(deps.runSplit, work);
        await runPart(deps, request, (telemetry) => runSplit(source, work, { ...context, telemetry }));
        return undefined;
      }
      case 'backfill': {
        const runBackfill = required(deps.runBackfill, work);
        await runPart(deps, request, (telemetry) => runBackfill(source, work, { ...context, telemetry }));
        return undefined;
      }
    }
  }

  /** Otherwise the message would come again only when the longest invocation would be over. */
  async function postpone({ attributes, receiptHandle }: QueueMessage): Promise<void> {
    const pauseSeconds = FIRST_PAUSE_SECONDS * 2 ** (attributes.ApproximateReceiveCount - 1);
    try {
      await deps.queue.postpone(receiptHandle, Math.min(MAX_PAUSE_SECONDS, pauseSeconds));
    } catch (error) {
      deps.telemetry.log('warn', 'failed work comes again later than planned', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** What was done is done, and what it failed with is what matters, whatever comes of closing. */
  async function afterwards(): Promise<void> {
    try {
      await deps.afterwards?.();
    } catch (error) {
      deps.telemetry.log('warn', 'a connection could not be closed', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  return middy<unknown, PullOutcome | undefined>()
    .use(
      flushTelemetry(deps.telemetry, {
        usageOf: (event) => (isMessage(event) ? MESSAGE : SCHEDULED),
        budgets: deps.budgets,
      }),
    )
    .handler(async (event, context) => {
      const scope: WorkContext = {
        owner: context.awsRequestId,
        deadlineMs: deps.clock.nowMs() + context.getRemainingTimeInMillis(),
      };
      const woken = toWoken(event);
      if (woken !== undefined) {
        await wakeSources(deps, woken, (name) => isOneOf(deps.sources.get(name), deps.types));
        return undefined;
      }
      const message = queueEventSchema.safeParse(event).data?.Records[0];
      try {
        const work = parseWork(deps, message === undefined ? event : parseJson(message.body));
        return await perform(work, scope, message?.attributes.ApproximateReceiveCount ?? 1);
      } catch (error) {
        if (message !== undefined) await postpone(message);
        throw error;
      } finally {
        await afterwards();
      }
    });
}

function required<Run>(run: Run | undefined, { source, task }: PullWork): Run {
  if (run !== undefined) return run;
  throw new BlockedError(
    'BAD_EVENT',
    `source ${source} is not read in parts; there is no task "${String(task)}" for it`,
  );
}

/** @throws BlockedError with code `BAD_EVENT` */
function parseWork<Config extends PulledSourceConfig>(
  deps: WorkHandlerDeps<Config>,
  event: unknown,
): PullWork {
  const parsed = workSchema.safeParse(event);
  if (parsed.success) return parsed.data;
  throw new BlockedError(
    'BAD_EVENT',
    `the event must be {"source": "<name>"}; sources of type ${listTypes(deps)}: ${listSources(deps)}`,
  );
}

/** @throws BlockedError with code `UNKNOWN_SOURCE`: the schedule and the function were deployed apart */
function findSource<Config extends PulledSourceConfig>(
  deps: WorkHandlerDeps<Config>,
  name: string,
): Source<Config> {
  const source = deps.sources.get(name);
  if (isOneOf(source, deps.types)) return source;
  const problem = source === undefined ? 'is not declared' : `has type ${source.config.type}`;
  throw new BlockedError(
    'UNKNOWN_SOURCE',
    `source ${JSON.stringify(name.slice(0, 63))} ${problem}; sources of type ${listTypes(deps)}: ${listSources(deps)}; deploy again if the configuration has changed`,
  );
}

function isOneOf<Config extends PulledSourceConfig>(
  source: Source | undefined,
  types: readonly Config['type'][],
): source is Source<Config> {
  return source !== undefined && (types as readonly string[]).includes(source.config.type);
}

const listTypes = ({ types }: { readonly types: readonly string[] }): string => types.join(' or ');

function listSources<Config extends PulledSourceConfig>(deps: WorkHandlerDeps<Config>): string {
  const names = [...deps.sources.values()].filter((source) => isOneOf<Config>(source, deps.types));
  return names.map(({ name }) => name).join(', ') || 'none is declared';
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
