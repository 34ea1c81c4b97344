import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEngineTables, type EngineTables } from '../../../bench/engine-tables.ts';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { S3BatchStage } from '../../../shared/adapters/aws/s3-batch-stage.ts';
import { S3Lake } from '../../../shared/adapters/aws/s3-lake.ts';
import { createLakeView } from '../../../shared/adapters/aws/s3-lake-view.ts';
import { createS3Objects } from '../../../shared/adapters/aws/s3-objects.ts';
import { S3QuarantineReader } from '../../../shared/adapters/aws/s3-quarantine-reader.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { readQuarantineTable } from '../../../shared/adapters/duckdb/read-quarantine-table.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import type { Source } from '../../../shared/domain/source.ts';
import { createClaimCache } from '../../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../../shared/pipeline/land.ts';
import { replayDelivery } from '../../../shared/pipeline/replay/replay-delivery.ts';
import { replayQuarantine } from '../../../shared/pipeline/replay/replay-quarantine.ts';
import { createStreamReader } from '../../../shared/pipeline/stream-reader.ts';
import { quarantineReaderContract } from '../../contract/quarantine-reader.suite.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';
import { declareClicks, parked, recordAt, SHARD, STREAM } from '../../support/replay-world.ts';

const BUCKET = 'headgate-replay-lake';

/* The replays over the adapters of AWS: every store is real but the clock's patience. */
describe('replays on AWS', () => {
  const tables = new DuckDbTableWriter();
  let emulator: BareEmulator;
  let dynamodb: DynamoDBClient;
  let engineTables: EngineTables;
  let s3: S3Client;

  beforeAll(async () => {
    emulator = await startBareEmulator();
    dynamodb = createDynamoDbClient(emulator.connection);
    s3 = createS3Client(emulator.connection);
    engineTables = await createEngineTables(dynamodb);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  });

  afterAll(async () => {
    await tables.close();
    dynamodb.destroy();
    s3.destroy();
    await emulator.stop();
  });

  const depsFor = (sources: ReadonlyMap<string, Source>) => ({
    ledger: new DynamoLedgerStore({ dynamodb, table: engineTables.ledger, clock: systemClock }),
    claimLog: new DynamoClaimLog({ dynamodb, table: engineTables.claims, clock: systemClock }),
    claimCache: createClaimCache(),
    lake: new S3Lake({ s3, bucket: BUCKET }),
    tables,
    clock: systemClock,
    telemetry: new MemoryTelemetry(),
    sources,
    configVersion: 'v1',
    newToken: randomUUID,
    sourceOfStream: { [STREAM]: 'clicks' },
    quarantine: new S3QuarantineReader({ s3, bucket: BUCKET, readTable: readQuarantineTable }),
    stage: new S3BatchStage({ s3, bucket: BUCKET }),
  });
  const options = () => ({ owner: randomUUID(), deadlineMs: systemClock.nowMs() + 60_000 });
  const landedRows = async (): Promise<number> => {
    const files = await createLakeView(s3, BUCKET).list(['raw/']);
    return files.reduce((sum, { rows }) => sum + rows, 0);
  };

  quarantineReaderContract({
    open: () => ({
      reader: new S3QuarantineReader({ s3, bucket: BUCKET, readTable: readQuarantineTable }),
      lake: new S3Lake({ s3, bucket: BUCKET }),
      tables,
    }),
  });

  test('an object that Headgate did not write is refused, and says what it lacks', async () => {
    const key = 'quarantine/foreign.parquet';
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: 'x' }));
    await expect(replayQuarantine(depsFor(declareClicks()), key, options())).rejects.toMatchObject({
      code: 'QUARANTINE_FILE_FOREIGN',
      message: expect.stringContaining('headgate-kind') as string,
    });
  });

  test('a delivery and then its quarantine are replayed by several operators at once, each record once', async () => {
    const records = [1, 2, 3, 4].map((n) =>
      recordAt(n, { id: `a${String(n)}`, n: 1 }, { id: `b${String(n)}`, n: 'x' }),
    );
    const delivered = depsFor(declareClicks());
    const [first] = records;
    if (first === undefined) throw new Error('no record');
    const reader = createStreamReader(delivered.sources, 'clicks', {
      stream: STREAM,
      shardId: SHARD,
      records: [first],
    });
    await runLane(delivered, reader, options());
    const deliveries = await Promise.all(
      [records, records, records.slice(1, 3)].map((some) =>
        replayDelivery(depsFor(declareClicks()), parked(some), { ...options(), minAgeMs: 0 }),
      ),
    );
    expect(deliveries.map(({ finished }) => finished)).toEqual([true, true, true]);
    expect(await landedRows()).toBe(4);

    const strings = declareClicks({ n: 'string' });
    const keys = await createS3Objects(s3, BUCKET).list('quarantine/clicks/');
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) {
      const outcomes = await Promise.all(
        [1, 2].map(() => replayQuarantine(depsFor(strings), key, options())),
      );
      for (const { finished, selected, done } of outcomes) {
        expect({ finished, done }).toEqual({ finished: true, done: selected });
      }
    }
    expect(await landedRows()).toBe(8);
    for (const key of keys) {
      expect(await replayQuarantine(depsFor(strings), key, options())).toMatchObject({ commits: 0 });
    }
  });
});
