import { setTimeout as sleep } from 'node:timers/promises';
import { allowRepetition, expectedQuarantined } from './data/expectation.ts';
import type { Phase, Progress } from './progress.ts';
import { pushRequests, type PushResult } from './push-requests.ts';
import { runSchedules } from './run-schedules.ts';
import type { DemoStage } from './set-up.ts';

/** The source that is pulled. */
export const PULLED = 'birdstrikes';

const CONNECTIONS = 4;
const POLL_MS = 300;
/** When nothing has come to the lake for so long, nothing will, and the check says what is missing. */
const STALLED_MS = 60_000;

const count = new Intl.NumberFormat('en-US');

/** Pushes everything that is to be pushed. */
export async function push(stage: DemoStage, progress: Progress, signal: AbortSignal): Promise<PushResult> {
  const { data, cloud } = stage;
  const phase = progress.start('Pushing flights and earthquakes');
  const startMs = performance.now();
  const total = data.requests.reduce((sum, request) => sum + request.records.length * request.times, 0);
  let sent = 0;
  return inPhase(
    phase,
    () =>
      pushRequests(data.requests, {
        apiUrl: cloud.output('ApiUrl'),
        writeKeys: stage.writeKeys,
        connections: CONNECTIONS,
        signal,
        onAnswer: (records) => {
          sent += records;
          const perSecond = (sent * 1000) / (performance.now() - startMs);
          phase.update(
            `${count.format(sent)} records, ${count.format(Math.round(perSecond))}/s`,
            sent / total,
          );
        },
        onRetry: (request) => {
          const expectation = data.expectations.get(request.source);
          if (expectation !== undefined) allowRepetition(expectation, request.records);
        },
      }),
    (result) => {
      const seconds = result.durationMs / 1000;
      return `${count.format(sent)} records at ${count.format(Math.round(sent / seconds))}/s`;
    },
  );
}

/**
 * Runs the schedule of the pulled source twice: the second run must find what the API has published since the first,
 * among it rows with the date at which the first one ended.
 */
export async function pull(stage: DemoStage): Promise<void> {
  const { api, clients, cloud, data } = stage;
  await runSchedules(clients, cloud.output('PullScheduleGroupName'));
  api.publish(data.birdStrikes.length);
  await runSchedules(clients, cloud.output('PullScheduleGroupName'));
}

/** Lands what was collected in the landing zone, which a schedule does every few minutes. */
export async function land({ clients, cloud }: DemoStage): Promise<void> {
  await runSchedules(clients, cloud.output('LandScheduleGroupName'));
}

/** Waits until the lake has as many rows as it must have, or nothing more comes. */
export async function waitUntilLanded(
  stage: DemoStage,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const phase = progress.start('Waiting until all has landed');
  const expectations = [...stage.data.expectations.values()];
  const expected = expectations.reduce((sum, each) => sum + each.rows.size + expectedQuarantined(each), 0);
  let rows = -1;
  let changedAtMs = performance.now();
  await inPhase(
    phase,
    async () => {
      while (rows < expected && performance.now() - changedAtMs < STALLED_MS) {
        await sleep(POLL_MS, undefined, { signal });
        const files = await stage.lake.list();
        const now = files.reduce((sum, file) => sum + file.rows, 0);
        if (now !== rows) changedAtMs = performance.now();
        rows = now;
        phase.update(`${count.format(rows)} of ${count.format(expected)} rows`, rows / expected);
      }
      // A row too many would come now: with what is still on the stream.
      await stage.cloud.poller.drained();
    },
    () => `${count.format(rows)} rows`,
  );
}

async function inPhase<T>(phase: Phase, work: () => Promise<T>, describe: (result: T) => string): Promise<T> {
  try {
    const result = await work();
    phase.done(describe(result));
    return result;
  } catch (error) {
    phase.fail();
    throw error;
  }
}
