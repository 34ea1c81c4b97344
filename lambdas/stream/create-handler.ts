import middy, { type MiddyfiedHandler } from '@middy/core';
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import { HeadgateError, TransientError, type Disposition } from '../../shared/domain/errors.ts';
import { comparePositions } from '../../shared/domain/identity.ts';
import { toStreamBatches, type StreamBatch } from '../../shared/domain/stream-batch.ts';
import { runLane, type LandDeps, type RunOutcome } from '../../shared/pipeline/land.ts';
import { createStreamReader } from '../../shared/pipeline/stream-reader.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';

export interface StreamHandlerDeps extends LandDeps {
  /** Name of each source's own stream → source. */
  readonly sourceOfStream: Readonly<Record<string, string>>;
}

/**
 * How long an attempt lasts that fails because of a store. The mapping gives a delivery up after a number of attempts,
 * and a store that denies access fails at once: without a pause an outage of minutes would turn records into dead
 * letters. An error that is none of a store is a bug; it is not held, and comes to its end soon. Below a minute, so that
 * the alarm on errors sees one in each.
 */
const FAILED_ATTEMPT_MS: Readonly<Record<Disposition, number>> = { reject: 0, retry: 5_000, block: 30_000 };
/** The answer must leave before the function's time-out. */
const ANSWER_RESERVE_MS = 2_000;

/**
 * The consumer of all streams: lands the records of one delivery. It answers with the first record that is not durable
 * when time ran out, and throws when nothing of the delivery could be landed, so that the mapping retries and, in the
 * end, cuts the batch. A record never makes it throw: what cannot be read or written goes to quarantine.
 */
export function createHandler(
  deps: StreamHandlerDeps,
): MiddyfiedHandler<KinesisStreamEvent, KinesisStreamBatchResponse> {
  return middy<KinesisStreamEvent, KinesisStreamBatchResponse>()
    .use(
      flushTelemetry(deps.telemetry, {
        usageOf: () => ({}),
        describe: describeDelivery,
        budgets: deps.budgets,
      }),
    )
    .handler(async (event, context) => {
      const startMs = deps.clock.nowMs();
      const deadlineMs = startMs + context.getRemainingTimeInMillis();
      const failures: KinesisStreamBatchResponse['batchItemFailures'] = [];
      // A delivery holds records of one shard; a caller that mixes them is served as well.
      for (const batch of toStreamBatches(event.Records)) {
        const reader = createStreamReader(deps.sources, deps.sourceOfStream[batch.stream], batch);
        const run = await runLane(deps, reader, { owner: context.awsRequestId, deadlineMs }).catch(
          async (error: unknown) => {
            const heldMs = error instanceof HeadgateError ? FAILED_ATTEMPT_MS[error.disposition] : 0;
            const untilMs = Math.min(startMs + heldMs, deadlineMs - ANSWER_RESERVE_MS);
            await deps.clock.sleep(Math.max(0, untilMs - deps.clock.nowMs()));
            throw error;
          },
        );
        countReceived(deps, batch.stream, run);
        await countOverBudget(deps, batch.stream);
        if (!run.finished) failures.push({ itemIdentifier: await firstPending(deps, reader.lane, batch) });
      }
      return { batchItemFailures: failures };
    });
}

/** Which records a delivery holds, by their ids (`<shard>:<sequence number>`). */
function describeDelivery({ Records: records }: KinesisStreamEvent): object {
  const [first, last] = [records[0], records.at(-1)];
  return { stream: first?.eventSourceARN, from: first?.eventID, to: last?.eventID, records: records.length };
}

/** Records of a source's own stream arrive here; those of the shared stream were counted by the push function. */
function countReceived(
  { telemetry, sourceOfStream }: StreamHandlerDeps,
  stream: string,
  run: RunOutcome,
): void {
  const source = sourceOfStream[stream];
  const count = source === undefined ? undefined : run.counts.get(source);
  if (source === undefined || count === undefined) return;
  const records = count.landed + count.duplicates + count.quarantined;
  telemetry.count('RecordsReceived', source, records);
  telemetry.count('RecordsAccepted', source, records);
}

/** A stream of its own cannot be slowed down: producers put records on it, and all of them are landed. */
async function countOverBudget(
  { telemetry, budgets, sourceOfStream }: StreamHandlerDeps,
  stream: string,
): Promise<void> {
  const source = sourceOfStream[stream];
  if (source === undefined || (await budgets?.look(source))?.isOver !== true) return;
  telemetry.count('OverBudget', source, 1);
}

/** The first record that is not in the lake, after a run that ended at its deadline. */
async function firstPending(deps: StreamHandlerDeps, lane: string, batch: StreamBatch): Promise<string> {
  const { position } = await deps.ledger.read(lane);
  const pending = batch.records.find(
    ({ sequenceNumber }) => position === undefined || comparePositions(sequenceNumber, position) > 0,
  );
  if (pending !== undefined && pending !== batch.records[0]) return pending.sequenceNumber;
  throw new TransientError(
    'OUT_OF_TIME',
    `lane ${lane} did not advance within the function's time; the delivery is retried`,
  );
}
