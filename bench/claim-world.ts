import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createDynamoDbClient, createS3Client, type ConnectOptions } from '../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { S3ClaimObjects } from '../shared/adapters/aws/s3-claim-objects.ts';
import { S3Lake } from '../shared/adapters/aws/s3-lake.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { MemoryTelemetry } from '../shared/adapters/memory/memory-telemetry.ts';
import { compileSources } from '../shared/config/compile-sources.ts';
import { compileValidators } from '../shared/config/compile-validators.ts';
import { defineConfig } from '../shared/config/define-config.ts';
import { CLAIM_OBJECTS_PREFIX } from '../shared/domain/claim-objects.ts';
import { RecordFlag, writeFrame } from '../shared/domain/frame.ts';
import { DIGEST_BYTES, FINGERPRINT_BYTES } from '../shared/domain/idempotency-key.ts';
import { createSeededRandom } from '../shared/domain/seeded-random.ts';
import type { Source } from '../shared/domain/source.ts';
import type { StreamRecord } from '../shared/domain/stream-batch.ts';
import { createClaimCache } from '../shared/pipeline/claim-keys.ts';
import { createLaneCache, runLane, type LandDeps } from '../shared/pipeline/land.ts';
import { createStreamReader } from '../shared/pipeline/stream-reader.ts';
import type { TableWriter } from '../shared/ports/table-writer.ts';
import { countCalls } from './capacity/count-calls.ts';
import { countObjects, type ObjectRequests } from './capacity/count-objects.ts';
import { DynamoMeter, type Consumed } from './capacity/dynamo-meter.ts';
import { createEngineTables, ENGINE_KEYS } from './engine-tables.ts';

const DAY_MS = 86_400_000;
const RECEIVED_AT_MS = Date.UTC(2026, 2, 1, 12);
const STREAM = 'headgate-ingest';

/** What the records of a world are like. */
export interface ClaimWorldOptions {
  readonly dedupe: 'record' | 'request';
  /** Whether the event time is part of the key, so that claims are kept by time. */
  readonly hasTimeInKey: boolean;
  /** Days that the event times of every batch are spread over. */
  readonly days: number;
  readonly recordsPerFrame: number;
}

/** What the stores were asked for so far. */
interface ClaimWorldTotals {
  readonly claims: Readonly<Consumed>;
  /** Objects of claims. */
  readonly objects: ObjectRequests;
  readonly ledger: Readonly<Consumed>;
}

/**
 * One invocation's worth of work of a shard.
 *
 * @returns the calls that it made to claims, ledger and lake
 */
export type Delivery = () => Promise<number>;

/** The engine with its AWS adapters on tables of its own; only the Parquet writer is left out. */
export interface ClaimWorld {
  /**
   * A consumer as a process has it: with clients, a claim log and a cache of its own.
   *
   * @returns its deliveries in order, of new records with keys that nobody has used
   */
  shard(number: number, deliveries: number, recordsPerDelivery: number): readonly Delivery[];
  totals(): ClaimWorldTotals;
  close(): void;
}

/** Files are a byte: what is measured is how stores are asked, not what is written. */
const emptyTables: TableWriter = {
  writeRows: (_source, slices) =>
    Promise.resolve({
      bytes: Buffer.alloc(1),
      rows: slices.reduce((rows, { indices }) => rows + indices.length, 0),
      unwritable: [],
    }),
  writeQuarantine: () => Promise.resolve(Buffer.alloc(1)),
  writeTombstone: () => Promise.resolve(Buffer.alloc(1)),
  writeQuarantineTombstone: () => Promise.resolve(Buffer.alloc(1)),
};

function toSource({ dedupe, hasTimeInKey }: ClaimWorldOptions): Source {
  const config = defineConfig({
    sources: {
      events: {
        type: 'push',
        freshness: '1 minute',
        volume: { recordsPerSecond: 1000, recordBytes: 1000 },
        contract: {
          schema: {
            type: 'object',
            properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
            required: ['id', 'at'],
          },
        },
        key: hasTimeInKey ? ['id', 'at'] : ['id'],
        eventTime: { path: 'at' },
        partition: 'day',
        dedupe,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('events');
  if (source === undefined) throw new Error('the source was not compiled');
  return source;
}

/** Opens a world of its own in a DynamoDB and an S3 that hold nothing of it yet. */
export async function openClaimWorld(
  connection: ConnectOptions,
  options: ClaimWorldOptions,
): Promise<ClaimWorld> {
  const bucket = `bench-lake-${randomUUID()}`;
  const dynamodb = createDynamoDbClient(connection);
  const s3 = createS3Client(connection);
  const tables = await createEngineTables(dynamodb);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const meter = new DynamoMeter({
    [tables.claims]: ENGINE_KEYS.claims,
    [tables.ledger]: ENGINE_KEYS.ledger,
  });
  const clients: { destroy(): void }[] = [dynamodb, s3];
  const objects: (() => ObjectRequests)[] = [];
  const source = toSource(options);
  const sources = new Map([[source.name, source]]);

  const createConsumer = (): { readonly deps: LandDeps; readonly calls: () => number } => {
    const own = { dynamodb: createDynamoDbClient(connection), s3: createS3Client(connection) };
    clients.push(own.dynamodb, own.s3);
    meter.attach(own.dynamodb);
    objects.push(countObjects(own.s3, CLAIM_OBJECTS_PREFIX));
    const deps: LandDeps = {
      ledger: new DynamoLedgerStore({ dynamodb: own.dynamodb, table: tables.ledger, clock: systemClock }),
      claimLog: new DynamoClaimLog({
        dynamodb: own.dynamodb,
        table: tables.claims,
        clock: systemClock,
        objects: new S3ClaimObjects({ s3: own.s3, bucket }),
      }),
      claimCache: createClaimCache(),
      laneCache: createLaneCache(),
      lake: new S3Lake({ s3: own.s3, bucket }),
      tables: emptyTables,
      clock: systemClock,
      telemetry: new MemoryTelemetry(),
      sources,
      configVersion: 'bench',
      newToken: randomUUID,
    };
    return { deps, calls: countCalls(own.dynamodb, own.s3) };
  };

  return {
    shard(number, deliveries, recordsPerDelivery) {
      const { deps, calls } = createConsumer();
      const shardId = `shardId-${String(number).padStart(12, '0')}`;
      const random = createSeededRandom(number);
      return Array.from({ length: deliveries }, (_, delivery) => async () => {
        const records = toRecords(
          source,
          options,
          random,
          `${shardId}-${String(delivery)}`,
          recordsPerDelivery,
        );
        records.forEach((record, i) => {
          record.sequenceNumber = `4966${String(delivery * 1_000_000 + i).padStart(52, '0')}`;
        });
        const reader = createStreamReader(sources, undefined, { stream: STREAM, shardId, records });
        const before = calls();
        const run = await runLane(deps, reader, { owner: randomUUID(), deadlineMs: Date.now() + 600_000 });
        const landed = run.counts.get(source.name)?.landed ?? 0;
        if (landed !== recordsPerDelivery) {
          throw new Error(`${String(landed)} of ${String(recordsPerDelivery)} records landed`);
        }
        return calls() - before;
      });
    },
    totals: () => ({
      claims: meter.consumed(tables.claims),
      objects: objects
        .map((count) => count())
        .reduce((a, b) => ({ puts: a.puts + b.puts, gets: a.gets + b.gets }), { puts: 0, gets: 0 }),
      ledger: meter.consumed(tables.ledger),
    }),
    close() {
      for (const client of clients) client.destroy();
    },
  };
}

/** Frames of records with random keys. */
function toRecords(
  source: Source,
  { days, recordsPerFrame }: ClaimWorldOptions,
  random: () => number,
  name: string,
  count: number,
): { -readonly [Name in keyof StreamRecord]: StreamRecord[Name] }[] {
  const bytes = Buffer.from('{}');
  const records = [];
  for (let at = 0; at < count; at += recordsPerFrame) {
    const header = {
      source: source.name,
      frameId: `${name}-${String(at)}`,
      contractVersion: source.contract.version,
      receivedAtMs: RECEIVED_AT_MS,
    };
    const ofFrame = Array.from({ length: Math.min(recordsPerFrame, count - at) }, () => ({
      bytes,
      flag: RecordFlag.valid,
      fingerprint: randomBytes(random, FINGERPRINT_BYTES),
      digest: randomBytes(random, DIGEST_BYTES),
      eventTimeMs: RECEIVED_AT_MS - Math.floor(random() * days) * DAY_MS,
    }));
    records.push({ sequenceNumber: '', data: writeFrame(header, ofFrame), arrivedAtMs: RECEIVED_AT_MS });
  }
  return records;
}

function randomBytes(random: () => number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let at = 0; at < count; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return bytes;
}
