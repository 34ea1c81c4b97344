import { SILENT_TELEMETRY } from '../shared/adapters/memory/silent-telemetry.ts';
import { randomUUID } from 'node:crypto';
import { createDynamoDbClient, createS3Client } from '../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { S3AuditLog } from '../shared/adapters/aws/s3-audit-log.ts';
import { S3BatchStage } from '../shared/adapters/aws/s3-batch-stage.ts';
import { S3ClaimObjects } from '../shared/adapters/aws/s3-claim-objects.ts';
import { S3Lake } from '../shared/adapters/aws/s3-lake.ts';
import { createS3Objects } from '../shared/adapters/aws/s3-objects.ts';
import { S3QuarantineReader } from '../shared/adapters/aws/s3-quarantine-reader.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../shared/adapters/duckdb/duckdb-table-writer.ts';
import { readQuarantineTable } from '../shared/adapters/duckdb/read-quarantine-table.ts';
import { compileSources } from '../shared/config/compile-sources.ts';
import { compileValidators } from '../shared/config/compile-validators.ts';
import { configVersionOf } from '../shared/config/config-version.ts';
import { planResources } from '../shared/config/plan/plan-resources.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { OPERATOR_TIMEOUTS } from '../shared/domain/backoff.ts';
import { createClaimCache } from '../shared/pipeline/claim-keys.ts';
import type { OpenReplay } from './open-replay.ts';

/** The engine on this machine, over the stores of a deployment. */
export async function openReplay(declared: HeadgateConfig): Promise<OpenReplay> {
  // As the functions have it.
  const { config, streams } = planResources(declared);
  const storage = (output: string): Promise<string> => readStackOutput(`${config.name}-storage`, output);
  const stream = (output: string): Promise<string> => readStackOutput(`${config.name}-stream`, output);
  const hasStream = streams.length > 0;
  const [bucket, claimsTable, ledgerTable, sourceStreams, streamFunction] = await Promise.all([
    storage('LakeBucketName'),
    storage('ClaimsTableName'),
    storage('LedgerTableName'),
    hasStream ? stream('SourceStreams') : '{}',
    hasStream ? stream('StreamFunctionName') : undefined,
  ]);
  const clock = systemClock;
  const s3 = createS3Client({ timeouts: OPERATOR_TIMEOUTS });
  const dynamodb = createDynamoDbClient({ timeouts: OPERATOR_TIMEOUTS });
  const tables = new DuckDbTableWriter();
  return {
    bucket,
    ...createS3Objects(s3, bucket),
    streamFunction,
    audit: new S3AuditLog({ s3, bucket }),
    engine: {
      ledger: new DynamoLedgerStore({ dynamodb, table: ledgerTable, clock }),
      claimLog: new DynamoClaimLog({
        dynamodb,
        table: claimsTable,
        clock,
        objects: new S3ClaimObjects({ s3, bucket }),
      }),
      claimCache: createClaimCache(),
      lake: new S3Lake({ s3, bucket }),
      tables,
      clock,
      telemetry: SILENT_TELEMETRY,
      sources: compileSources(config, compileValidators(config)),
      configVersion: configVersionOf(config),
      newToken: randomUUID,
      sourceOfStream: JSON.parse(sourceStreams) as Record<string, string>,
      quarantine: new S3QuarantineReader({ s3, bucket, readTable: readQuarantineTable }),
      stage: new S3BatchStage({ s3, bucket }),
    },
    close: async () => {
      await tables.close();
      s3.destroy();
      dynamodb.destroy();
    },
  };
}
