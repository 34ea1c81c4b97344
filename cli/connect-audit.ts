import { createDynamoDbClient, createS3Client } from '../shared/adapters/aws/clients.ts';
import { DynamoCountStore } from '../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { S3ObjectVersions } from '../shared/adapters/aws/s3-object-versions.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { DuckDbReceivedRows } from '../shared/adapters/duckdb/duckdb-received-rows.ts';
import { DuckDbSession } from '../shared/adapters/duckdb/duckdb-session.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { OPERATOR_TIMEOUTS } from '../shared/domain/backoff.ts';
import type { OpenAudit } from './open-audit.ts';

/** The lake and the counters of a deployment. */
export async function openAudit({ name }: HeadgateConfig): Promise<OpenAudit> {
  const [bucket, table] = await Promise.all(
    ['LakeBucketName', 'LedgerTableName'].map((output) => readStackOutput(`${name}-storage`, output)),
  );
  if (bucket === undefined || table === undefined) throw new Error('both outputs were asked for');
  const s3 = createS3Client({ timeouts: OPERATOR_TIMEOUTS });
  const dynamodb = createDynamoDbClient({ timeouts: OPERATOR_TIMEOUTS });
  return {
    bucket,
    counts: new DynamoCountStore({ dynamodb, table, clock: systemClock }),
    ledger: new DynamoLedgerStore({ dynamodb, table, clock: systemClock }),
    versions: new S3ObjectVersions({ s3, bucket }),
    openRows: () => new DuckDbReceivedRows(new DuckDbSession()),
    close: () => {
      s3.destroy();
      dynamodb.destroy();
    },
  };
}
