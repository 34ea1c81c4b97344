import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createAwsClients, type AwsClients } from '../../cloud/aws-clients.ts';
import type { DeliveryFaults } from '../../cloud/event-source-poller/delivery-faults.ts';
import type { StoreFaults } from '../../cloud/fault-proxy/store-faults.ts';
import { startCloud, type Cloud } from '../../cloud/start-cloud.ts';
import { issueWriteKey } from '../../demo/issue-write-key.ts';
import type { Phase, Progress } from '../../demo/progress.ts';
import { toConnection } from '../../demo/set-up.ts';
import { createLakeView, type LakeView } from '../../shared/adapters/aws/s3-lake-view.ts';
import { checkSoak } from './check.ts';
import { Gate } from './gate.ts';
import { sampleMemory, type MemorySample } from './process-memory.ts';
import { planSoak } from './records.ts';
import { redrive, type OperatorReport } from './redrive.ts';
import type { SoakReport } from './report.ts';
import { reshard } from './reshard.ts';
import { Tally } from './tally.ts';
import { write, type WriteContext } from './write.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Records per second of all writers together. */
  readonly rate: number;
  readonly seed: number;
  /** Chance of each kind of fault per call of a function to a store, 0 to 1. */
  readonly storeFaults: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const FIRST_CONFIG = 'test/soak/first.config.ts';
const SECOND_CONFIG = 'test/soak/second.config.ts';
/** When the events of a soak come, as shares of its time. */
const DEPLOY_AT = 0.25;
const RESHARD_AT = 0.45;
const REDRIVE_AT = 0.65;
const SAMPLE_MS = 5000;
/** Invocations that their caller took for dead may go on for so long. */
const ZOMBIES_END_MS = 5000;

const count = new Intl.NumberFormat('en-US');

function deliveryFaults(seed: number): DeliveryFaults {
  return {
    seed,
    duplicate: 0.05,
    recut: 0.1,
    zombie: 0.03,
    zombieAfterMs: 1500,
    dropResponse: 0.03,
    discard: 0.02,
  };
}

function storeFaults(seed: number, rate: number): StoreFaults {
  const rates = {
    delay: rate,
    throttle: rate,
    'server-error': rate,
    conflict: rate,
    'reset-before': rate,
    'reset-after': rate,
    partial: rate,
  };
  return { seed, rates };
}

/**
 * Lets records flow for some minutes while everything goes wrong that can be made to, and reads the lake at the end. It
 * stops everything that it has started, whatever happens.
 *
 * @throws Error when a step fails; that the lake does not hold what was sent is in the report's `problems`
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  await using stack = new AsyncDisposableStack();
  const stage = await setUp(options, stack);
  const { cloud, context, tally, lake } = stage;
  const phase = options.progress.start(`Soaking for ${String(options.minutes)} min`);
  const watch = watchSoak(stage, phase, options);
  stack.defer(() => watch.stop());
  let redrives: OperatorReport[][];
  try {
    redrives = await soak(stage, options, watch);
    phase.done(`${count.format(tally.unique)} unique records sent`);
  } catch (error) {
    phase.fail();
    throw error;
  }
  const seconds = watch.elapsedMs() / 1000;

  const draining = options.progress.start('Draining the streams, and a second redrive by two operators');
  try {
    await cloud.poller.drained();
    await sleep(ZOMBIES_END_MS, undefined, { signal: options.signal });
    redrives.push(await redrive(cloud, stage.clients.s3, SECOND_CONFIG, context.signal));
    draining.done();
  } catch (error) {
    draining.fail();
    throw error;
  }
  await watch.stop();

  const checking = options.progress.start('Checking the lake from S3 alone');
  try {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-soak-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const files = await lake.copyTo(folder);
    const store = cloud.faultProxy?.counts() ?? { requests: 0, faults: {} };
    const lostAnswers = store.faults['kinesis reset-after'] ?? 0;
    const check = await checkSoak(folder, files, stage.plan, tally, lostAnswers);
    checking.done(check.problems.length === 0 ? 'all there, each once' : 'it is not what was sent');
    return {
      seed: options.seed,
      minutes: options.minutes,
      seconds,
      sent: { unique: tally.unique, copies: tally.copies, late: tally.late },
      repeated: {
        requestsWithKey: tally.requestsRepeatedWithKey,
        requestsWithoutKey: tally.requestsRepeatedWithoutKey,
        records: tally.recordsRepeated,
        attempts: tally.attemptsRepeated,
      },
      check,
      delivery: { ...cloud.poller.counts, ...stage.failures },
      store,
      events: watch.events(),
      redrives,
      memory: watch.memory(),
    };
  } catch (error) {
    checking.fail();
    throw error;
  }
}

/** What went wrong between streams and functions. */
interface Failures {
  parkedBatches: number;
  /** How often, by reason. */
  readonly reasons: Record<string, number>;
}

interface Stage {
  readonly cloud: Cloud;
  readonly clients: AwsClients;
  readonly lake: LakeView;
  readonly plan: WriteContext['plan'];
  readonly tally: Tally;
  readonly gate: Gate;
  /** Without `isOver`, which is known once the soak begins. */
  readonly context: Omit<WriteContext, 'isOver'>;
  readonly failures: Failures;
}

async function setUp(options: SoakOptions, stack: AsyncDisposableStack): Promise<Stage> {
  const phase = options.progress.start('Starting the embedded cloud and deploying Headgate to it');
  try {
    const failures: Failures = { parkedBatches: 0, reasons: {} };
    const cloud = await startCloud({
      config: FIRST_CONFIG,
      mayUseRunning: false,
      onProgress: (message) => {
        phase.update(message);
      },
      faults: deliveryFaults(options.seed),
      ...(options.storeFaults > 0 && { storeFaults: storeFaults(options.seed, options.storeFaults) }),
      onPollerEvent: (event) => {
        if (event.kind === 'discarded') failures.parkedBatches++;
        else failures.reasons[event.reason] = (failures.reasons[event.reason] ?? 0) + 1;
      },
    });
    stack.defer(() => cloud.stop());
    const abort = new AbortController();
    void cloud.died.then((problem) => {
      abort.abort(problem);
    });
    const signal = AbortSignal.any([options.signal, abort.signal]);
    signal.throwIfAborted();
    const clients = createAwsClients(cloud.endpoint);
    const connection = toConnection(cloud.endpoint);
    // The SDK's own repetition of a call whose answer is lost would put records on the stream that nobody counts.
    const kinesis = new KinesisClient({
      ...connection,
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    });
    stack.defer(() => {
      clients.destroy();
      kinesis.destroy();
    });
    const writeKeys = new Map<string, string>();
    for (const source of ['clicks', 'payments']) {
      writeKeys.set(source, await issueWriteKey(connection, cloud.output('AccessTableName'), source));
    }
    const [readingsStream = ''] = Object.keys(JSON.parse(cloud.output('SourceStreams')) as object);
    const plan = planSoak(options.seed, Date.now(), options.rate);
    const tally = new Tally(plan);
    const gate = new Gate();
    phase.done(cloud.endpoint);
    return {
      cloud,
      clients,
      lake: createLakeView(clients.s3, cloud.output('LakeBucketName')),
      plan,
      tally,
      gate,
      failures,
      context: {
        plan,
        tally,
        gate,
        apiUrl: cloud.output('ApiUrl'),
        writeKeys,
        kinesis,
        sharedStream: cloud.output('IngestStreamName'),
        readingsStream,
        signal,
      },
    };
  } catch (error) {
    phase.fail();
    throw error;
  }
}

/** Lets all writers write and the events of the soak happen. @returns what the operators of the first redrive did */
async function soak(stage: Stage, { minutes }: SoakOptions, watch: Watch): Promise<OperatorReport[][]> {
  const { cloud, clients, gate, plan } = stage;
  const lengthMs = minutes * 60_000;
  const abort = new AbortController();
  const signal = AbortSignal.any([stage.context.signal, abort.signal]);
  const context: WriteContext = { ...stage.context, signal, isOver: () => watch.elapsedMs() >= lengthMs };
  const redrives: OperatorReport[][] = [];
  const at = async (share: number): Promise<void> => {
    await sleep(Math.max(0, share * lengthMs - watch.elapsedMs()), undefined, { signal });
  };
  const happen = async (): Promise<void> => {
    await at(DEPLOY_AT);
    watch.note('deploying another configuration while data flows: one more field, another partition unit');
    await cloud.redeploy(SECOND_CONFIG);
    watch.note('the other configuration is deployed');
    await at(RESHARD_AT);
    watch.note('writers pause: the emulator would drop what is unread in a shard that is split or merged');
    await gate.whileClosed(async () => {
      await cloud.poller.drained();
      for (const stream of [context.sharedStream, context.readingsStream]) {
        const { before, after } = await reshard(clients.kinesis, stream);
        watch.note(`resharded ${stream}: ${before.join(', ')} to ${after.join(', ')}`);
      }
    });
    watch.note('writers go on');
    await at(REDRIVE_AT);
    watch.note('two operators replay everything that is parked, at once');
    redrives.push(await redrive(cloud, clients.s3, SECOND_CONFIG, signal));
    watch.note('the operators are done');
  };
  // Whoever fails ends the others, which would otherwise go on trying.
  const ended = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      abort.abort(error);
      throw error;
    });
  await Promise.all([...plan.writers.map((writer) => ended(write(context, writer))), ended(happen())]);
  return redrives;
}

interface Watch {
  elapsedMs(): number;
  /** Notes that something happens now. */
  note(event: string): void;
  events(): SoakReport['events'];
  memory(): readonly MemorySample[];
  stop(): Promise<void>;
}

/** Shows progress, and notes the memory of all processes, until it is stopped. */
function watchSoak(stage: Stage, phase: Phase, { minutes }: SoakOptions): Watch {
  const { tally, lake, cloud, failures } = stage;
  const startMs = performance.now();
  const elapsedMs = (): number => performance.now() - startMs;
  const events: { atSeconds: number; event: string }[] = [];
  const memory: MemorySample[] = [];
  const stopping = new AbortController();
  let problem: Error | undefined;
  const watching = (async () => {
    let sentBefore = 0;
    let beforeMs = elapsedMs();
    while (!stopping.signal.aborted) {
      memory.push(await sampleMemory(elapsedMs()));
      const rows = (await lake.list()).reduce((sum, file) => sum + file.rows, 0);
      const nowMs = elapsedMs();
      const perSecond = Math.round(((tally.unique - sentBefore) * 1000) / Math.max(1, nowMs - beforeMs));
      sentBefore = tally.unique;
      beforeMs = nowMs;
      const what = events.at(-1)?.event.split(':')[0];
      phase.update(
        `${count.format(sentBefore)} sent, ${count.format(perSecond)}/s · ${count.format(rows)} rows in the lake, ` +
          `${count.format(Math.max(0, sentBefore - rows))} behind · ${count.format(cloud.poller.counts.failedInvocations)} ` +
          `invocations failed, ${count.format(failures.parkedBatches)} parked${what === undefined ? '' : ` · ${what}`}`,
        Math.min(1, nowMs / (minutes * 60_000)),
      );
      await sleep(SAMPLE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })().catch((error: unknown) => {
    problem = error instanceof Error ? error : new Error(String(error));
  });
  return {
    elapsedMs,
    note: (event) => {
      events.push({ atSeconds: Math.round(elapsedMs() / 1000), event });
      phase.update(event);
    },
    events: () => events,
    memory: () => memory,
    stop: async () => {
      stopping.abort();
      await watching;
      if (problem !== undefined) throw problem;
    },
  };
}
