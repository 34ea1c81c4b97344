import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createAwsClients, type AwsClients } from '../../cloud/aws-clients.ts';
import { startCloud, type Cloud } from '../../cloud/start-cloud.ts';
import { issueWriteKey } from '../../demo/issue-write-key.ts';
import { toConnection } from '../../demo/set-up.ts';
import { LogActivity } from '../../shared/adapters/aws/log-activity.ts';
import type { LaneActivity } from '../../shared/domain/cost/lane-activity.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { createOrders, ORDER_COLUMNS, ORDERS } from '../pull/orders-table.ts';
import { SHOP_SOURCE, toShopEvents } from '../shop-events.ts';
import { createSpeedometer } from './parse-speed.ts';
import { PUSHED, RECORDS_PER_REQUEST, TABLE, TABLE_ROWS, type WorkloadName } from './tiers.ts';

/** What the functions metered. */
export interface Measurement {
  /** Of everything that was brought. */
  readonly full: readonly LaneActivity[];
  /** Of a run that found nothing, where runs are scheduled; what is brought comes on top of it. */
  readonly empty: readonly LaneActivity[];
  /** How fast the machine was meanwhile, compared to the core that the model's CPU times come from. */
  readonly machineSpeed: number;
}

const DEPLOYMENT = 'headgate-bench';
const PASSWORD_PARAMETER = '/bench/password';
const LANES = ['push', 'stream', 'land', 'extract'];
/** Records of the request that wakes the functions of a source up. */
const FEW = 10;
/** The log's clock counts in milliseconds. */
const TICK_MS = 50;

/**
 * Runs the workloads on an embedded cloud with the real bundles. Each begins with one small request or run, so that
 * the start of the functions is not in what is measured: a real deployment has one in hours.
 */
export async function runWorkloads(
  workloads: readonly WorkloadName[],
  onProgress: (message: string) => void,
): Promise<ReadonlyMap<WorkloadName, Measurement>> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'headgate-cost-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const database = await startPostgres();
  stack.defer(() => database.stop());
  await createOrders(database, FEW);
  await database.run(`CREATE INDEX ON ${ORDERS} (created_at, id)`);
  const config = join(folder, 'bench.config.ts');
  await writeFile(config, `export default ${JSON.stringify(toConfig(database))};`);
  const cloud = await startCloud({ config, mayUseRunning: false, onProgress });
  stack.defer(() => cloud.stop());
  const clients = createAwsClients(cloud.endpoint);
  stack.defer(() => {
    clients.destroy();
  });
  const stage = { cloud, clients, database, log: openLog(cloud, stack) };
  const speedNow = createSpeedometer();
  const measured = async (run: () => Promise<Omit<Measurement, 'machineSpeed'>>): Promise<Measurement> => {
    const before = speedNow();
    const found = await run();
    return { ...found, machineSpeed: (before + speedNow()) / 2 };
  };

  const found = new Map<WorkloadName, Measurement>();
  for (const name of workloads) {
    if (name === TABLE) onProgress(`reading ${String(TABLE_ROWS)} rows`);
    else onProgress(`pushing ${String(PUSHED[name].requests)} requests to ${name}`);
    const run = (): Promise<Omit<Measurement, 'machineSpeed'>> =>
      name === TABLE ? runTable(stage) : runPushed(stage, name);
    found.set(name, await measured(run));
  }
  return found;
}

interface Stage {
  readonly cloud: Cloud;
  readonly clients: AwsClients;
  readonly database: TestPostgres;
  readonly log: LogActivity;
}

function toConfig(database: TestPostgres): unknown {
  const pushed = Object.entries(PUSHED).map(([name, { freshness, pattern }]) => [
    name,
    { ...SHOP_SOURCE, freshness, pattern, dedupe: 'request', partition: 'hour' },
  ]);
  return {
    name: DEPLOYMENT,
    ingest: { retention: '1 day', shards: 1 },
    sources: {
      ...(Object.fromEntries(pushed) as object),
      [TABLE]: {
        type: 'postgres',
        freshness: '6 hours',
        volume: { gbPerDay: 1 },
        key: ['id'],
        connection: {
          host: 'localhost',
          port: database.port,
          database: 'postgres',
          user: database.user,
          password: { parameter: PASSWORD_PARAMETER },
          ca: database.ca,
        },
        table: ORDERS,
        columns: ORDER_COLUMNS,
        incremental: { cursor: 'created_at' },
      },
    },
  };
}

function openLog(cloud: Cloud, stack: AsyncDisposableStack): LogActivity {
  const connection = toConnection(cloud.endpoint);
  const logs = new CloudWatchLogsClient({ ...connection, requestHandler: new NodeHttpHandler() });
  stack.defer(() => {
    logs.destroy();
  });
  return new LogActivity({ logs, deployment: DEPLOYMENT });
}

/** Does something and returns what was metered of a source meanwhile. */
async function metered(
  { log }: Stage,
  source: string,
  work: () => Promise<void>,
): Promise<readonly LaneActivity[]> {
  await sleep(TICK_MS);
  const fromMs = Date.now();
  await work();
  await sleep(TICK_MS);
  return await log.read([{ source, lanes: LANES }], { fromMs, toMs: Date.now() });
}

async function runPushed(
  stage: Stage,
  name: keyof typeof PUSHED,
): Promise<Omit<Measurement, 'machineSpeed'>> {
  const { cloud, clients } = stage;
  const { requests, pattern } = PUSHED[name];
  const key = await issueWriteKey(toConnection(cloud.endpoint), cloud.output('AccessTableName'), name);
  const url = `${cloud.output('ApiUrl')}/v1/sources/${name}/records`;
  let sent = 0;
  const push = async (records: number): Promise<void> => {
    const body = gzipSync(Buffer.concat(toShopEvents(records, ++sent).flatMap((event) => [event, NEWLINE])));
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/x-ndjson',
        'content-encoding': 'gzip',
        'idempotency-key': `"${name}-${String(sent)}"`,
      },
      body,
    });
    const text = await answer.text();
    if (answer.status !== 202)
      throw new Error(`a request to ${name} was answered ${String(answer.status)}: ${text}`);
  };
  const land = async (): Promise<void> => {
    if (pattern === 'stream') await cloud.poller.drained();
    else await invoke(clients, cloud.output('LandFunctionName'), { sources: [name] });
  };
  await push(FEW);
  await land();
  const full = await metered(stage, name, async () => {
    for (let i = 0; i < requests; i++) await push(RECORDS_PER_REQUEST);
    await land();
  });
  return { full, empty: [] };
}

const NEWLINE = Buffer.from('\n');

async function runTable(stage: Stage): Promise<Omit<Measurement, 'machineSpeed'>> {
  const { cloud, clients, database } = stage;
  await clients.ssm.send(
    new PutParameterCommand({
      Name: PASSWORD_PARAMETER,
      Value: database.password,
      Type: 'SecureString',
      Overwrite: true,
    }),
  );
  const run = (): Promise<void> => invoke(clients, cloud.output('ExtractFunctionName'), { source: TABLE });
  await run();
  const empty = await metered(stage, TABLE, run);
  await database.run(`DROP TABLE ${ORDERS}`);
  await createOrders(database, TABLE_ROWS);
  await database.run(`CREATE INDEX ON ${ORDERS} (created_at, id)`);
  const full = await metered(stage, TABLE, run);
  return { full, empty };
}

async function invoke(clients: AwsClients, name: string, event: unknown): Promise<void> {
  const { FunctionError: failed, Payload: payload } = await clients.lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
  );
  const text = Buffer.from(payload ?? []).toString();
  if (failed !== undefined || text.includes('"finished":false'))
    throw new Error(`${name} did not get done: ${text.slice(0, 2_000)}`);
}
