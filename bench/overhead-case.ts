import { randomBytes, randomUUID } from 'node:crypto';
import { createDynamoDbClient } from '../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../shared/adapters/duckdb/duckdb-table-writer.ts';
import { MemoryClaimLog } from '../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../shared/adapters/memory/memory-telemetry.ts';
import { claimBucket } from '../shared/domain/claim-bucket.ts';
import { ClaimList, ClaimView } from '../shared/domain/claims.ts';
import { readFrame } from '../shared/domain/frame.ts';
import { CLAIMANT_BYTES } from '../shared/domain/identity.ts';
import type { StreamRecord } from '../shared/domain/stream-batch.ts';
import { createClaimCache } from '../shared/pipeline/claim-keys.ts';
import { createLaneCache, runLane, type LandDeps } from '../shared/pipeline/land.ts';
import { createStreamReader } from '../shared/pipeline/stream-reader.ts';
import type { ClaimLog } from '../shared/ports/claim-log.ts';
import { createEngineTables } from './engine-tables.ts';
import { readFrameFile, RECORDS_PER_FRAME } from './frame-file.ts';
import { answerMeasurements, measuringInput } from './measuring-process.ts';
import { shopSource } from './shop-events.ts';

/*
 * One figure of the overhead benchmark: a measuring process that is given a CaseInput and answers with CaseOutputs. One
 * measurement lands all records of the file, batch by batch, in tables that are new.
 */

export interface CaseInput {
  readonly framesPath: string;
  /** Records of one batch. */
  readonly batch: number;
  /** Where claims and ledger are; without it records claim nothing and the ledger is in memory. */
  readonly endpoint?: string;
  /** Shards whose consumers claim as much as this one, in the same bucket; this one included. */
  readonly shards: number;
}

export interface CaseOutput {
  /** CPU time of all batches, user and system, of all threads, in ms. */
  readonly cpuMs: number;
}

const DAY_MS = 86_400_000;
const KEY_BYTES = 12;

const input = measuringInput() as CaseInput;
const source = shopSource(input.endpoint === undefined ? 'none' : 'record');
const sources = new Map([[source.name, source]]);
const tables = new DuckDbTableWriter();
const frames = readFrameFile(input.framesPath);
const framesPerBatch = input.batch / RECORDS_PER_FRAME;
const batches = Array.from({ length: Math.floor(frames.length / framesPerBatch) }, (_, batch) =>
  frames.slice(batch * framesPerBatch, (batch + 1) * framesPerBatch).map((data, i): StreamRecord => {
    const sequenceNumber = `4966${String(batch * framesPerBatch + i).padStart(52, '0')}`;
    return { sequenceNumber, data, arrivedAtMs: 0 };
  }),
);
const dynamodb =
  input.endpoint === undefined
    ? undefined
    : createDynamoDbClient({
        endpoint: input.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });

/** What a batch of another shard claims. */
function packOthers(): Buffer[] {
  const candidates = new ClaimList();
  const keys = randomBytes(input.batch * KEY_BYTES);
  let claimant = randomBytes(CLAIMANT_BYTES);
  for (let i = 0; i < input.batch; i++) {
    const index = i % RECORDS_PER_FRAME;
    if (index === 0) claimant = randomBytes(CLAIMANT_BYTES);
    candidates.add(claimant, keys, i * KEY_BYTES, i, index);
  }
  const view = new ClaimView();
  view.decide(candidates);
  return view.packTentative(input.batch);
}

const others = batches.map(() => Array.from({ length: input.shards - 1 }, packOthers));
const eventTimeMs = readFrame(frames[0] ?? Buffer.alloc(0)).eventTimesMs[0] ?? 0;
const bucket = claimBucket(source.name, source.config, eventTimeMs).name;

/** Appends what the other shards claim while this one works on one batch. @returns the number of the last entry */
async function appendOthers(claimLog: ClaimLog, batch: number, after: number): Promise<number> {
  let number = after;
  for (const packed of others[batch] ?? []) {
    const expiresAtMs = Date.now() + DAY_MS;
    const claims = await claimLog.store(packed, expiresAtMs);
    const entry = { kind: 'claims', claims, expiresAtMs, writer: randomUUID() } as const;
    number++;
    if ((await claimLog.append(bucket, number, entry)) !== 'ok')
      throw new Error('the bucket is used by others');
  }
  return number;
}

async function createStores(): Promise<Pick<LandDeps, 'claimLog' | 'ledger'>> {
  if (dynamodb === undefined) return { claimLog: new MemoryClaimLog(), ledger: new MemoryLedgerStore() };
  const { claims, ledger } = await createEngineTables(dynamodb);
  return {
    claimLog: new DynamoClaimLog({ dynamodb, table: claims, clock: systemClock }),
    ledger: new DynamoLedgerStore({ dynamodb, table: ledger, clock: systemClock }),
  };
}

async function measure(): Promise<CaseOutput> {
  const stores = await createStores();
  const deps: LandDeps = {
    ...stores,
    claimCache: createClaimCache(),
    laneCache: createLaneCache(),
    lake: new MemoryLake(),
    tables,
    clock: systemClock,
    telemetry: new MemoryTelemetry(),
    sources,
    configVersion: 'bench',
    newToken: randomUUID,
  };
  let cpuMs = 0;
  let number = 0;
  for (const [batch, records] of batches.entries()) {
    number = await appendOthers(stores.claimLog, batch, number);
    const reader = createStreamReader(sources, undefined, {
      stream: 'headgate-ingest',
      shardId: 'shardId-000000000000',
      records,
    });
    const before = process.cpuUsage();
    const run = await runLane(deps, reader, { owner: randomUUID(), deadlineMs: Date.now() + 600_000 });
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1000;
    // Its own claims are the entry behind those of the others.
    number++;
    const landed = run.counts.get(source.name)?.landed;
    if (landed !== input.batch) throw new Error(`${String(landed)} of ${String(input.batch)} records landed`);
  }
  return { cpuMs };
}

answerMeasurements(measure, async () => {
  dynamodb?.destroy();
  await tables.close();
});
