import { randomUUID } from 'node:crypto';
import { createDynamoDbClient, createS3Client } from '../../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../shared/adapters/aws/dynamo-ledger-store.ts';
import { EmfTelemetry } from '../../shared/adapters/aws/emf-telemetry.ts';
import { S3ClaimObjects } from '../../shared/adapters/aws/s3-claim-objects.ts';
import { S3Lake } from '../../shared/adapters/aws/s3-lake.ts';
import type { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { configVersionOf } from '../../shared/config/config-version.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { LandDeps } from '../../shared/pipeline/land.ts';
import { createBudgetsOf } from './create-budgets-of.ts';

export interface LandEnv {
  readonly LAKE_BUCKET: string;
  readonly CLAIMS_TABLE: string;
  readonly LEDGER_TABLE: string;
}

/** The engine on AWS: what every function that lands records is composed of. */
export function createLandDeps(
  lane: string,
  env: LandEnv,
  config: HeadgateConfig,
  sources: ReadonlyMap<string, Source>,
  meter: UsageMeter,
): LandDeps {
  const clock = systemClock;
  const dynamodb = createDynamoDbClient({ meter });
  const s3 = createS3Client({ meter });
  const bucket = env.LAKE_BUCKET;
  const telemetry = new EmfTelemetry({
    lane,
    clock,
    meter,
    onCost: (source, usd) => {
      budgets.spend(source, usd);
    },
  });
  const budgets: Budgets = createBudgetsOf(config, env.CLAIMS_TABLE, { clock, telemetry, meter });
  return {
    ledger: new DynamoLedgerStore({ dynamodb, table: env.LEDGER_TABLE, clock }),
    claimLog: new DynamoClaimLog({
      dynamodb,
      table: env.CLAIMS_TABLE,
      clock,
      objects: new S3ClaimObjects({ s3, bucket }),
    }),
    claimCache: createClaimCache(),
    lake: new S3Lake({ s3, bucket }),
    tables: new DuckDbTableWriter(),
    clock,
    telemetry,
    budgets,
    sources,
    configVersion: configVersionOf(config),
    newToken: randomUUID,
  };
}
