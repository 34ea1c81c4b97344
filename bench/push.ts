import { join } from 'node:path';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import Table from 'cli-table3';
import color from 'picocolors';
import { createAwsClients } from '../cloud/aws-clients.ts';
import { startCloud, type Cloud } from '../cloud/start-cloud.ts';
import { issueWriteKey } from '../demo/issue-write-key.ts';
import { bundleFunctions, handlerEntries } from '../infra/bundling/bundle-functions.ts';
import { loadConfig } from '../shared/config/load-config.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import type { CaseInput, CaseOutput } from './push/cpu-case.ts';
import type { StreamSettings, StreamState } from './push/kinesis-stand-in.ts';
import type { Load, LoadOutput } from './push/load-case.ts';
import { LOW_LIMIT } from './push/headgate.config.ts';
import { RECORDS_PER_REQUEST, toBody, type Sender } from './push/push-requests.ts';
import type { FunctionToLoad } from './push/load-function.ts';
import { SHARD_BYTES_PER_SECOND } from './push/shard-limits.ts';
import { summariseLoad, type LoadSummary } from './push/summarise-load.ts';
import { describeMachine, median, rounded, verdict } from './report.ts';

const CONFIG_FILE = 'bench/push/headgate.config.ts';
const WARM_UP_ROUNDS = 3;

/** Injected throttles: shares of the calls to the stream. */
const SHARES = [0, 0.05, 0.1, 0.2] as const;
/** Requests to one instance, in turn. */
const REQUESTS_IN_TURN = 400;
/** Rising load, as multiples of what the shard takes. */
const LOADS = [0.5, 1, 2] as const;
const LOAD_SECONDS = 12;
/** Long enough for what a limit allows at once not to matter. */
const LIMITED_SECONDS = 30;
/** What a call of Kinesis takes at least. */
const LATENCY_MS = 10;

/** What must hold. */
const MAX_CPU_RATIO = 2;
const TARGET_SHARE = 0.05;
const MAX_P99_MS = 300;

/** What CPU time is measured of: the function and two handlers that are less, by the source that is sent to. */
const VARIANTS = {
  headgate: { bundle: 'push', source: 'shop-events' },
  bare: { bundle: 'bare', source: 'shop-events' },
  parse: { bundle: 'parse', source: 'shop-events' },
  landing: { bundle: 'push', source: 'shop-batches' },
} as const;
type Variant = keyof typeof VARIANTS;

/** CPU time, in ms per 1,000 records. */
interface CpuFigures {
  readonly headgateMsPer1000: number;
  readonly bareMsPer1000: number;
  /** gunzip and JSON.parse alone. */
  readonly parseMsPer1000: number;
  /** A source that is collected in S3. */
  readonly landingMsPer1000: number;
  /** Median over the rounds of Headgate / bare handler. */
  readonly ratio: number;
}

/** Requests to one instance in turn, with one share of throttles. */
interface ThrottleFigures extends LoadSummary {
  /** Share of the calls to the stream that were throttled by chance. */
  readonly share: number;
}

/** Rising load on one shard, with one share of throttles. */
interface OverloadFigures extends ThrottleFigures {
  /** Offered load, as a multiple of what the shard takes. */
  readonly load: number;
}

interface LoadFigures {
  /** Bytes of the frame of a request. */
  readonly frameBytes: number;
  readonly throttles: readonly ThrottleFigures[];
  readonly overload: readonly OverloadFigures[];
  /** A source that is sent twice of what its own limit allows. */
  readonly limited: LoadSummary;
}

export interface PushBenchOptions {
  readonly json: boolean;
  /** Measurements per figure, at least 1. */
  readonly rounds: number;
}

interface Subjects {
  readonly server: ReturnType<typeof startMeasuring>;
  readonly functionOf: (bundle: string) => FunctionToLoad;
  readonly senderOf: (source: string) => Sender;
}

/** What the function reads from its environment, as it was deployed. */
async function readFunctionEnv(cloud: Cloud): Promise<Readonly<Record<string, string>>> {
  const clients = createAwsClients(cloud.endpoint);
  try {
    const { Environment: environment } = await clients.lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: cloud.output('PushFunctionName') }),
    );
    return environment?.Variables ?? {};
  } finally {
    clients.destroy();
  }
}

async function issueKeys(cloud: Cloud, table: string, sources: readonly string[]): Promise<Sender[]> {
  const connection = {
    endpoint: cloud.endpoint,
    region: cloud.env['AWS_REGION'] ?? '',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  return await Promise.all(
    sources.map(async (source) => ({ source, key: await issueWriteKey(connection, table, source) })),
  );
}

async function prepare(cloud: Cloud): Promise<Subjects> {
  const config = await loadConfig(CONFIG_FILE);
  const env = await readFunctionEnv(cloud);
  const senders = await issueKeys(cloud, env['ACCESS_TABLE'] ?? '', Object.keys(config.sources));
  const bundles = await bundleFunctions({
    config,
    entries: {
      ...handlerEntries(['push']),
      bare: join(import.meta.dirname, 'push', 'bare-handler.ts'),
      parse: join(import.meta.dirname, 'push', 'parse-handler.ts'),
    },
  });
  const server = startMeasuring('push/kinesis-stand-in.ts', {});
  const { endpoint } = await ask<StreamState>(server);
  return {
    server,
    functionOf: (bundle) => ({
      folder: bundles.get(bundle)?.folder ?? '',
      env: { ...env, ...cloud.env, AWS_ENDPOINT_URL_KINESIS: endpoint },
    }),
    senderOf: (source) => {
      const sender = senders.find((one) => one.source === source);
      if (sender === undefined) throw new Error(`${CONFIG_FILE} has no source ${source}`);
      return sender;
    },
  };
}

/** Measures the handlers in turn, each in its own process, so that what else the machine does hits all of them. */
async function measureCpu({ server, functionOf, senderOf }: Subjects, rounds: number): Promise<CpuFigures> {
  const settings: StreamSettings = { seed: 1, throttledShare: 0, latencyMs: 0, remembers: false };
  await ask(server, settings);
  const children = (Object.keys(VARIANTS) as Variant[]).map((variant) => {
    const { bundle, source } = VARIANTS[variant];
    const input: CaseInput = { ...functionOf(bundle), sender: senderOf(source) };
    return { variant, child: startMeasuring('push/cpu-case.ts', input) };
  });
  const times: Record<Variant, number[]> = { headgate: [], bare: [], parse: [], landing: [] };
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const { variant, child } of children) {
        const { msPer1000 } = await ask<CaseOutput>(child);
        if (round >= 0) times[variant].push(msPer1000);
      }
    }
  } finally {
    endMeasuring(children.map(({ child }) => child));
  }
  const { headgate, bare, parse, landing } = times;
  return {
    headgateMsPer1000: rounded(median(headgate), 2),
    bareMsPer1000: rounded(median(bare), 2),
    parseMsPer1000: rounded(median(parse), 2),
    landingMsPer1000: rounded(median(landing), 2),
    ratio: rounded(median(headgate.map((ms, round) => ms / (bare[round] ?? Number.NaN))), 3),
  };
}

async function measureLoads(
  { server, functionOf, senderOf }: Subjects,
  tell: (message: string) => void,
): Promise<LoadFigures> {
  const child = startMeasuring('push/load-case.ts', functionOf('push'));
  let seed = 0;
  const run = async (
    settings: Pick<StreamSettings, 'throttledShare' | 'shards'>,
    load: Load,
  ): Promise<{ summary: LoadSummary; frameBytes: number }> => {
    await ask(server, { ...settings, seed: ++seed, latencyMs: LATENCY_MS, remembers: true });
    const { requests, seconds } = await ask<LoadOutput>(child, load);
    const { payloads, storedBytes } = await ask<StreamState>(server);
    return {
      summary: summariseLoad(requests, payloads, seconds),
      frameBytes: Math.round(storedBytes / payloads.length),
    };
  };
  try {
    tell('warming up …');
    const sender = senderOf('shop-events');
    const inTurn: Load = { sender, kind: 'inTurn', requests: REQUESTS_IN_TURN };
    const { frameBytes } = await run({ throttledShare: 0 }, inTurn);
    const throttles: ThrottleFigures[] = [];
    for (const share of SHARES) {
      tell(`one instance, ${String(share * 100)} % throttles …`);
      const { summary } = await run({ throttledShare: share }, inTurn);
      throttles.push({ share, ...summary });
    }
    const overload: OverloadFigures[] = [];
    for (const share of SHARES) {
      for (const load of LOADS) {
        tell(`load ${String(load)}, ${String(share * 100)} % throttles …`);
        const requestsPerSecond = (load * SHARD_BYTES_PER_SECOND) / frameBytes;
        const { summary } = await run(
          { throttledShare: share, shards: 1 },
          { sender, kind: 'open', seed, requestsPerSecond, seconds: LOAD_SECONDS },
        );
        overload.push({ share, load, ...summary });
      }
    }
    tell('twice the limit of a source …');
    const { summary: limited } = await run(
      { throttledShare: 0 },
      {
        sender: senderOf('shop-limited'),
        kind: 'open',
        seed,
        requestsPerSecond: 2 * LOW_LIMIT,
        seconds: LIMITED_SECONDS,
      },
    );
    return { frameBytes, throttles, overload, limited };
  } finally {
    endMeasuring([child]);
  }
}

function isSlow({ share, p99Ms }: ThrottleFigures): boolean {
  return share === TARGET_SHARE && p99Ms >= MAX_P99_MS;
}

function toTable(rows: readonly (ThrottleFigures & { readonly load?: number | string })[]): string {
  const table = new Table({
    head: ['throttled', 'load', 'durable/s', 'p50 ms', 'p99 ms', '2xx', '429', '503', 'lost after 2xx'],
    colAligns: Array.from({ length: 9 }, () => 'right' as const),
    style: { head: [], border: [] },
  });
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  for (const row of rows) {
    table.push([
      percent(row.share),
      row.load ?? 'in turn',
      row.durablePerS.toLocaleString('en-US'),
      row.p50Ms.toFixed(1),
      row.load === undefined ? verdict(!isSlow(row), row.p99Ms.toFixed(1)) : row.p99Ms.toFixed(1),
      percent(row.ok),
      percent(row.tooMany),
      percent(row.unavailable),
      verdict(row.lostAfter2xx === 0, String(row.lostAfter2xx)),
    ]);
  }
  return table.toString();
}

/**
 * Measures the push function as it is deployed: its bundle, with the environment that a deployment on the embedded
 * cloud gives it, and a stand-in for Kinesis. Prints tables, or one JSON object with `bodies` (what a request is),
 * `cpu` (beside a bare handler), `throttles` (one instance, requests in turn) `overload` (rising load on one shard)
 * and `limited` (twice of what the limit of a source allows).
 *
 * @returns whether the targets were met
 */
export async function benchPush({ json, rounds }: PushBenchOptions): Promise<boolean> {
  const tell = (message: string): void => {
    if (!json) process.stderr.write(color.dim(`${message}\n`));
  };
  const cloud = await startCloud({ config: CONFIG_FILE, mayUseRunning: false, onProgress: tell });
  try {
    const subjects = await prepare(cloud);
    try {
      tell('measuring the CPU time of handlers …');
      const cpu = await measureCpu(subjects, rounds);
      const { frameBytes, throttles, overload, limited } = await measureLoads(subjects, tell);
      const bodies = { records: RECORDS_PER_REQUEST, gzipBytes: toBody(1).length, frameBytes };
      if (json) {
        console.log(JSON.stringify({ bodies, cpu, throttles, overload, limited }));
      } else {
        console.log(`\n${describeMachine()}\n`);
        console.log(
          `CPU time per 1,000 records: ${cpu.headgateMsPer1000.toFixed(2)} ms, bare handler ` +
            `${cpu.bareMsPer1000.toFixed(2)} ms, gunzip and JSON.parse ${cpu.parseMsPer1000.toFixed(2)} ms, to the ` +
            `landing zone ${cpu.landingMsPer1000.toFixed(2)} ms; Headgate / bare ` +
            verdict(cpu.ratio <= MAX_CPU_RATIO, cpu.ratio.toFixed(2)),
        );
        console.log(toTable([...throttles, ...overload, { share: 0, load: '2 x its limit', ...limited }]));
      }
      return (
        cpu.ratio <= MAX_CPU_RATIO &&
        !throttles.some(isSlow) &&
        [...throttles, ...overload, limited].every(
          ({ lostAfter2xx, failed }) => lostAfter2xx === 0 && failed === 0,
        )
      );
    } finally {
      endMeasuring([subjects.server]);
    }
  } finally {
    await cloud.stop();
  }
}
