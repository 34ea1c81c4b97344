import { ListShardsCommand } from '@aws-sdk/client-kinesis';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAwsClients } from '../../cloud/aws-clients.ts';
import { startCloud } from '../../cloud/start-cloud.ts';
import { lakeRows } from '../support/lake-rows.ts';
import { CRASH_POINTS, type Variant } from './crash-points.ts';
import { Rig } from './rig.ts';
import {
  createClaimLog,
  createLedger,
  runCell,
  type Cell,
  type CellOutcome,
  type Stage,
  type Worker,
} from './run-cell.ts';
import { compareLake, type FoundRow, type Truth } from './truth.ts';

export interface MatrixOptions {
  /** Names of crash points; all by default. */
  readonly only?: readonly string[];
  readonly variants?: readonly Variant[];
  /** Of the mapping's own misbehaviour: other cuts and repeated deliveries beside what the cells ask for. */
  readonly seed: number;
  readonly onProgress: (message: string) => void;
}

/** What became of a cell. */
export interface CellResult extends Truth {
  readonly point: string;
  readonly call: string;
  readonly variant: Variant;
  readonly hasFired: boolean;
  readonly hasLanded: boolean;
}

export interface MatrixResult {
  readonly cells: readonly CellResult[];
  /** Rows of the lake that no cell has sent. */
  readonly foreignRows: number;
  readonly records: number;
  readonly invocations: number;
  readonly seconds: number;
}

const CONFIG = 'test/crash/headgate.config.ts';
/** Zombies that were let go at the end need this long to end. */
const ZOMBIES_END_MS = 8_000;

/**
 * Kills real function processes on the embedded cloud at every crash point, and afterwards counts the rows of the
 * lake's files: the truth is told by S3 alone.
 */
export async function runMatrix(options: MatrixOptions): Promise<MatrixResult> {
  const startMs = performance.now();
  const { onProgress } = options;
  const cells = cellsOf(options);
  const rig = new Rig();
  const cloud = await startCloud({
    config: CONFIG,
    mayUseRunning: false,
    faults: {
      seed: options.seed,
      recut: 0.3,
      duplicate: 0.2,
      zombieAfterMs: 1_500,
      script: rig.script,
    },
    storeFaults: { seed: options.seed, rates: {} },
    onProgress,
  });
  const clients = createAwsClients(cloud.endpoint);
  try {
    const { faultProxy: proxy } = cloud;
    if (proxy === undefined) throw new Error('the cloud was started with a fault proxy');
    rig.attach(proxy);
    const [stream = ''] = Object.keys(JSON.parse(cloud.output('SourceStreams')) as object);
    const bucket = cloud.output('LakeBucketName');
    const stage: Stage = {
      clients,
      rig,
      stream,
      ledger: createLedger(clients, cloud.output('LedgerTableName')),
      claimLog: createClaimLog(clients, cloud.output('ClaimsTableName')),
      operators: {
        clients,
        bucket,
        config: CONFIG,
        // Operators call the stores as the functions do, through the proxy.
        env: { ...cloud.env, AWS_ENDPOINT_URL: proxy.endpoint },
        onProblem: onProgress,
      },
    };
    const { Shards = [] } = await clients.kinesis.send(new ListShardsCommand({ StreamName: stream }));
    const workers: Worker[] = Shards.map(({ ShardId, HashKeyRange }) => ({
      shardId: ShardId ?? '',
      hashKey: HashKeyRange?.StartingHashKey ?? '0',
    }));
    onProgress(`${String(cells.length)} cells on ${String(workers.length)} shards`);
    const outcomes: CellOutcome[] = [];
    const queue = cells.values();
    await Promise.all(
      workers.map(async (worker) => {
        for (const cell of queue) {
          const outcome = await runCell(stage, worker, cell);
          outcomes.push(outcome);
          onProgress(describe(outcome, outcomes.length, cells.length));
        }
      }),
    );
    await cloud.poller.drained();
    await sleep(ZOMBIES_END_MS);
    const rows = await readLake(clients.s3, bucket);
    const truths = compareLake(new Map(outcomes.map(({ writer, sent }) => [writer, sent])), rows);
    const writers = new Set(outcomes.map(({ writer }) => writer));
    return {
      cells: outcomes.sort((a, b) => a.cell.index - b.cell.index).map((outcome) => toResult(outcome, truths)),
      foreignRows: rows.filter(({ writer }) => !writers.has(writer)).length,
      records: outcomes.reduce((sum, { sent }) => sum + sent.valid.size + sent.violating.size, 0),
      invocations: cloud.poller.counts.invocations,
      seconds: (performance.now() - startMs) / 1000,
    };
  } finally {
    clients.destroy();
    await cloud.stop();
  }
}

function cellsOf({ only, variants }: MatrixOptions): readonly Cell[] {
  return CRASH_POINTS.filter(({ name }) => only === undefined || only.includes(name))
    .flatMap((point) => point.variants.map((variant) => ({ point, variant })))
    .filter(({ variant }) => variants === undefined || variants.includes(variant))
    .map((cell, index) => ({ ...cell, index }));
}

function toResult(outcome: CellOutcome, truths: ReadonlyMap<string, Truth>): CellResult {
  const { cell, writer, hasFired, hasLanded } = outcome;
  const truth = truths.get(writer) ?? { lost: 0, duplicated: 0, gaps: [] };
  const { name, call } = cell.point;
  return { point: name, call, variant: cell.variant, hasFired, hasLanded, ...truth };
}

function describe({ writer, hasFired, hasLanded, ms }: CellOutcome, done: number, of: number): string {
  const problem = hasFired ? (hasLanded ? '' : ', did not land in time') : ', did not happen';
  return `${String(done)}/${String(of)} ${writer}: ${(ms / 1000).toFixed(1)} s${problem}`;
}

type S3 = ReturnType<typeof createAwsClients>['s3'];

async function readLake(s3: S3, bucket: string): Promise<FoundRow[]> {
  const landed = await lakeRows(s3, bucket, 'raw/');
  const quarantined = await lakeRows(s3, bucket, 'quarantine/');
  return [
    ...landed.map(({ row }) => ({
      zone: 'raw' as const,
      writer: row['writer'] as string,
      n: Number(row['n']),
    })),
    ...quarantined.map(({ row }) => {
      const raw = Buffer.from((row['raw'] as { hex: string }).hex, 'hex').toString();
      const { writer, n } = JSON.parse(raw) as { writer: string; n: number };
      return { zone: 'quarantine' as const, writer, n };
    }),
  ];
}
