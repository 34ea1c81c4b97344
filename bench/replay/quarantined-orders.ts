import { randomUUID } from 'node:crypto';
import {
  createDynamoDbClient,
  createS3Client,
  type ConnectOptions,
} from '../../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../shared/adapters/aws/dynamo-ledger-store.ts';
import { S3AuditLog } from '../../shared/adapters/aws/s3-audit-log.ts';
import { S3BatchStage } from '../../shared/adapters/aws/s3-batch-stage.ts';
import { S3Lake } from '../../shared/adapters/aws/s3-lake.ts';
import { createS3Objects } from '../../shared/adapters/aws/s3-objects.ts';
import { S3QuarantineReader } from '../../shared/adapters/aws/s3-quarantine-reader.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { readQuarantineTable } from '../../shared/adapters/duckdb/read-quarantine-table.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { OpenReplay } from '../../cli/open-replay.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import type { EngineTables } from '../engine-tables.ts';

/** Where the quarantine lies, as a process can be told. */
export interface ReplayPlace {
  readonly connection: ConnectOptions;
  readonly bucket: string;
  readonly tables: EngineTables;
}

const START_MS = Date.UTC(2026, 9, 1);
const DAY_MS = 86_400_000;
/** Days of receipt that the files are spread over. */
const DAYS = 10;

/** The source `orders`, whose contract gives `total` this type. */
export function ordersConfig(total: 'number' | 'string'): HeadgateConfig {
  return parseConfig({
    sources: {
      orders: {
        type: 'stream',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        key: ['id', 'placedAt'],
        eventTime: { path: 'placedAt' },
        partition: 'day',
        contract: {
          schema: {
            type: 'object',
            required: ['id', 'placedAt', 'total'],
            properties: {
              id: { type: 'string' },
              placedAt: { type: 'string', format: 'date-time' },
              total: { type: total },
              customer: {
                type: 'object',
                properties: { name: { type: 'string' }, city: { type: 'string' } },
              },
              note: { type: 'string' },
            },
          },
        },
      },
    },
  });
}

/** Opens the engine of an operator over a place, as the command line does over a deployment. */
export function openOrders(
  { connection, bucket, tables }: ReplayPlace,
  total: 'number' | 'string',
): OpenReplay {
  const s3 = createS3Client(connection);
  const dynamodb = createDynamoDbClient(connection);
  const config = ordersConfig(total);
  const writer = new DuckDbTableWriter();
  return {
    bucket,
    ...createS3Objects(s3, bucket),
    streamFunction: undefined,
    audit: new S3AuditLog({ s3, bucket }),
    engine: {
      ledger: new DynamoLedgerStore({ dynamodb, table: tables.ledger, clock: systemClock }),
      claimLog: new DynamoClaimLog({ dynamodb, table: tables.claims, clock: systemClock }),
      claimCache: createClaimCache(),
      lake: new S3Lake({ s3, bucket }),
      tables: writer,
      clock: systemClock,
      telemetry: new MemoryTelemetry(),
      sources: compileSources(config, compileValidators(config)),
      configVersion: 'bench',
      newToken: randomUUID,
      sourceOfStream: {},
      quarantine: new S3QuarantineReader({ s3, bucket, readTable: readQuarantineTable }),
      stage: new S3BatchStage({ s3, bucket }),
    },
    close: async () => {
      await writer.close();
      s3.destroy();
      dynamodb.destroy();
    },
  };
}

/** Puts records into quarantine whose `total` is text, a file for each batch, through the engine. */
export async function quarantineOrders(
  { engine }: OpenReplay,
  files: number,
  rowsPerFile: number,
): Promise<void> {
  for (let file = 0; file < files; file++) {
    const lane = `kinesis/orders/${String(file)}`;
    const rows = Array.from({ length: rowsPerFile }, (_, i) => toRow(file, i));
    await runLane(
      engine,
      {
        lane,
        read: (state) =>
          Promise.resolve(
            state.position === undefined
              ? {
                  from: '1',
                  to: '1',
                  stem: `orders-${String(file)}`,
                  entries: rows.map((row) => ({ kind: 'quarantine' as const, row })),
                }
              : undefined,
          ),
      },
      { owner: 'bench', deadlineMs: Number.MAX_SAFE_INTEGER },
    );
  }
}

function toRow(file: number, number: number): QuarantineRow {
  const receivedAtMs = START_MS + (file % DAYS) * DAY_MS + number;
  const id = `${String(file)}-${String(number)}`;
  const record = {
    id,
    placedAt: new Date(receivedAtMs).toISOString(),
    total: `${String(number)}.50`,
    customer: { name: `Customer ${id}`, city: ['Lyon', 'Porto', 'Graz', 'Gent'][number % 4] },
    note: 'The supplier writes numbers as text since its last release. '.repeat(4),
  };
  return {
    source: 'orders',
    reason: 'CONTRACT',
    id: `kinesis/orders/${String(file)}/1/${String(number)}`,
    key: undefined,
    receivedAtMs,
    schemaVersion: 'bench',
    error: '"total" must be of type number',
    raw: Buffer.from(JSON.stringify(record)),
  };
}
