import { setTimeout } from 'node:timers/promises';
import Table from 'cli-table3';
import color from 'picocolors';
import { REGION } from '../cloud/account.ts';
import { startEmptyCloud } from '../cloud/start-cloud.ts';
import type { ConnectOptions } from '../shared/adapters/aws/clients.ts';
import { PRICES, type PriceName } from '../shared/domain/cost/prices.ts';
import { openClaimWorld, type ClaimWorldOptions, type Delivery } from './claim-world.ts';
import { RECORDS_PER_FRAME } from './frame-file.ts';
import { median, rounded, verdict } from './report.ts';

interface CaseOptions extends ClaimWorldOptions {
  readonly name: string;
  readonly shards: number;
  readonly batch: number;
  /** Batches of each shard. */
  readonly batches: number;
  /**
   * Share of the time that a consumer is at work. With 1 its batches follow each other without a pause, which is more
   * contention than any consumer makes that also has to write Parquet.
   */
  readonly busyShare: number;
  /** What must hold. */
  readonly maxWruPerMillion?: number;
  readonly maxRoundTrips?: number;
}

const within = (maxWruPerMillion: number, maxRoundTrips = Infinity) => ({ maxWruPerMillion, maxRoundTrips });
const byRequest = { name: 'requests', dedupe: 'request' } as const;

const base = { dedupe: 'record', hasTimeInKey: true, days: 1, recordsPerFrame: RECORDS_PER_FRAME } as const;
/**
 * A full shard brings 5,000 records of 1 KB in 5 s, in frames in about 1.4 s; claiming them takes 4 calls of some 10 ms,
 * which is half of the calls.
 */
const USUAL_SHARE = 1 / 16;
/** Consumers begin at random moments of it. */
const START_MS = 2_000;

/** Keys with a time part; everything that all shards claim is of one day, and so in one bucket. */
const CASES: readonly CaseOptions[] = [
  { ...base, name: 'records', shards: 1, batch: 5_000, batches: 40, busyShare: 1, ...within(18_000, 8) },
  { ...base, name: 'records', shards: 8, batch: 5_000, batches: 12, busyShare: 1, ...within(25_000) },
  {
    ...base,
    name: 'records',
    shards: 8,
    batch: 5_000,
    batches: 10,
    busyShare: USUAL_SHARE,
    ...within(25_000, 8),
  },
  { ...base, name: 'records', shards: 1, batch: 500, batches: 60, busyShare: 1 },
  { ...base, name: 'records', shards: 8, batch: 500, batches: 20, busyShare: 1 },
  { ...base, name: 'records', shards: 1, batch: 50_000, batches: 6, busyShare: 1 },
  { ...base, name: 'records', shards: 8, batch: 50_000, batches: 3, busyShare: 1 },
  { ...base, ...byRequest, shards: 1, batch: 5_000, batches: 40, busyShare: 1, ...within(300, 8) },
  { ...base, ...byRequest, shards: 8, batch: 5_000, batches: 10, busyShare: USUAL_SHARE, ...within(300, 8) },
];

/** What costs more, because of how keys are declared, how late records are, or how many consumers meet. */
const COSTLY_CASES: readonly CaseOptions[] = [
  { ...base, ...byRequest, shards: 8, batch: 5_000, batches: 12, busyShare: 1 },
  {
    ...base,
    name: 'keys without time',
    hasTimeInKey: false,
    shards: 8,
    batch: 5_000,
    batches: 12,
    busyShare: 1,
  },
  { ...base, name: 'late, over 500 days', days: 500, shards: 2, batch: 5_000, batches: 2, busyShare: 1 },
];

/** The figures of one case. Units are of the table of claims unless they say otherwise. */
interface ClaimsCase {
  readonly name: string;
  readonly dedupe: 'record' | 'request';
  readonly shards: number;
  readonly batch: number;
  /** See `CaseOptions`. */
  readonly busyShare: number;
  readonly records: number;
  readonly wruPerMillion: number;
  readonly rruPerMillion: number;
  readonly usdPerMillion: number;
  /** Objects that hold claims. */
  readonly objectPutsPerMillion: number;
  readonly objectGetsPerMillion: number;
  /** Conditional writes of a batch that met another shard's item. */
  readonly conflictsPerBatch: number;
  /** Calls of a batch to all stores, claims, ledger and lake: the median, and the mean with what conflicts add. */
  readonly roundTripsPerBatch: number;
  readonly meanRoundTripsPerBatch: number;
  readonly ledgerWruPerMillion: number;
  readonly ledgerRruPerMillion: number;
  readonly ledgerUsdPerMillion: number;
  /** Whether the targets of the case are met; those without one meet it. */
  readonly meetsTargets: boolean;
}

/** Deliveries of one shard follow each other; no shard waits for another. @returns the calls of each */
async function runShard(deliveries: readonly Delivery[], busyShare: number): Promise<number[]> {
  const calls: number[] = [];
  if (busyShare < 1) await setTimeout(Math.random() * START_MS);
  for (const deliver of deliveries) {
    const startMs = performance.now();
    calls.push(await deliver());
    const busyMs = performance.now() - startMs;
    await setTimeout(busyMs * (1 / busyShare - 1) * (0.5 + Math.random()));
  }
  return calls;
}

async function measure(connection: ConnectOptions, options: CaseOptions): Promise<ClaimsCase> {
  const {
    name,
    dedupe,
    shards,
    batch,
    batches,
    busyShare,
    maxWruPerMillion = Infinity,
    maxRoundTrips = Infinity,
  } = options;
  const world = await openClaimWorld(connection, options);
  try {
    const deliveries = Array.from({ length: shards }, (_, shard) => world.shard(shard, batches, batch));
    const calls = await Promise.all(deliveries.map((ofShard) => runShard(ofShard, busyShare)));
    const { claims, objects, ledger } = world.totals();
    const records = shards * batches * batch;
    const perMillion = (units: number): number => rounded((units / records) * 1e6, 1);
    const perBatch = (count: number): number => rounded(count / (shards * batches), 2);
    const usd = ({ writeUnits, readUnits }: typeof claims): number =>
      rounded(
        ((priceOf('dynamoWriteUnit', writeUnits) + priceOf('dynamoReadUnit', readUnits)) / records) * 1e6,
        6,
      );
    const wruPerMillion = perMillion(claims.writeUnits);
    const roundTripsPerBatch = median(calls.flat());
    return {
      name,
      dedupe,
      shards,
      batch,
      busyShare,
      records,
      wruPerMillion,
      rruPerMillion: perMillion(claims.readUnits),
      usdPerMillion: rounded(
        usd(claims) + ((priceOf('s3Put', objects.puts) + priceOf('s3Get', objects.gets)) / records) * 1e6,
        6,
      ),
      objectPutsPerMillion: perMillion(objects.puts),
      objectGetsPerMillion: perMillion(objects.gets),
      conflictsPerBatch: perBatch(claims.conflicts),
      roundTripsPerBatch,
      meanRoundTripsPerBatch: perBatch(calls.flat().reduce((sum, ofBatch) => sum + ofBatch, 0)),
      ledgerWruPerMillion: perMillion(ledger.writeUnits),
      ledgerRruPerMillion: perMillion(ledger.readUnits),
      ledgerUsdPerMillion: usd(ledger),
      meetsTargets: wruPerMillion <= maxWruPerMillion && roundTripsPerBatch <= maxRoundTrips,
    };
  } finally {
    world.close();
  }
}

function priceOf(name: PriceName, count: number): number {
  const { usd, per } = PRICES[name];
  return (usd / per) * count;
}

const RIGHT = 'right' as const;

function toTable(cases: readonly ClaimsCase[]): string {
  const table = new Table({
    head: [
      'claims',
      'shards',
      'batch',
      'busy',
      'WRU/M',
      'RRU/M',
      'objects/M',
      '$/M',
      'conflicts',
      'calls',
      'mean',
      'ledger WRU/M',
      'ledger $/M',
    ],
    colAligns: ['left', RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT],
    style: { head: [], border: [] },
  });
  for (const figures of cases) {
    table.push([
      figures.name,
      figures.shards,
      figures.batch.toLocaleString('en-US'),
      `${(figures.busyShare * 100).toFixed(0)} %`,
      verdict(figures.meetsTargets, Math.round(figures.wruPerMillion).toLocaleString('en-US')),
      Math.round(figures.rruPerMillion).toLocaleString('en-US'),
      Math.round(figures.objectPutsPerMillion).toLocaleString('en-US'),
      figures.usdPerMillion.toFixed(4),
      figures.conflictsPerBatch.toFixed(2),
      String(figures.roundTripsPerBatch),
      figures.meanRoundTripsPerBatch.toFixed(1),
      Math.round(figures.ledgerWruPerMillion).toLocaleString('en-US'),
      figures.ledgerUsdPerMillion.toFixed(4),
    ]);
  }
  return table.toString();
}

/**
 * Counts the request units that claims and ledger consume, through the real adapters on an embedded cloud, and prints a
 * table, or one JSON object `{"cases": [...], "costlyCases": [...]}`.
 *
 * @returns whether all targets were met
 */
export async function benchClaims({ json }: { readonly json: boolean }): Promise<boolean> {
  const tell = (message: string): void => void process.stderr.write(color.dim(`${message}\n`));
  const cloud = await startEmptyCloud({ mayUseRunning: false, ...(!json && { onProgress: tell }) });
  const connection = {
    endpoint: cloud.endpoint,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const measureAll = async (all: readonly CaseOptions[]): Promise<ClaimsCase[]> => {
    const measured: ClaimsCase[] = [];
    for (const options of all) {
      const { name, shards, batch } = options;
      if (!json) tell(`${name}: ${String(shards)} shards, batches of ${String(batch)} records …`);
      measured.push(await measure(connection, options));
    }
    return measured;
  };
  try {
    const cases = await measureAll(CASES);
    const costlyCases = await measureAll(COSTLY_CASES);
    if (json) {
      console.log(JSON.stringify({ cases, costlyCases }));
    } else {
      console.log(
        '\nRequest units of claims (and ledger) per million records; conflicts and calls (median, mean) per batch',
      );
      console.log(toTable([...cases, ...costlyCases]));
    }
    return cases.every(({ meetsTargets }) => meetsTargets);
  } finally {
    await cloud.stop();
  }
}
