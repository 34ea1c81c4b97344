import { config, validators } from 'headgate:bundle';
import { createDynamoDbClient, createS3Client, createSsmClient } from '../../shared/adapters/aws/clients.ts';
import { DynamoTokenStore } from '../../shared/adapters/aws/dynamo-token-store.ts';
import { createS3Objects } from '../../shared/adapters/aws/s3-objects.ts';
import { SsmParameterStore } from '../../shared/adapters/aws/ssm-parameter-store.ts';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { DuckDbLandedKeys } from '../../shared/adapters/duckdb/duckdb-landed-keys.ts';
import { DuckDbParquetReader } from '../../shared/adapters/duckdb/duckdb-parquet-reader.ts';
import { DuckDbSession } from '../../shared/adapters/duckdb/duckdb-session.ts';
import { openObjectSource } from '../../shared/adapters/files/open-object-source.ts';
import { createHttpSender } from '../../shared/adapters/http/send-request.ts';
import { openPullSource } from '../../shared/adapters/pull-sources.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { pullEnv, readEnv } from '../../shared/config/env.ts';
import { createRunDeps } from '../composition/create-run-deps.ts';
import { createHandler } from './create-handler.ts';

const env = readEnv(pullEnv, process.env);
const meter = new UsageMeter();
const deps = createRunDeps('pull', env, config, compileSources(config, validators), meter);

const sender = createHttpSender();
const tokens = new DynamoTokenStore({ dynamodb: createDynamoDbClient({ meter }), table: env.LEDGER_TABLE });
const parameters = new SsmParameterStore({ ssm: createSsmClient({ meter }), clock: deps.clock });

const s3 = createS3Client({ meter });
/** One column of one file at a time. */
const LOOK_UP_MIB = 128;

export const handler = createHandler({
  ...deps,
  openSource: (source, budgetShare) =>
    openPullSource(source, { ...deps, sender, parameters, tokens, random: Math.random, budgetShare }),
  landedKeys: new DuckDbLandedKeys(
    new DuckDbSession({ memoryLimitMiB: LOOK_UP_MIB }),
    createS3Objects(s3, env.LAKE_BUCKET),
    deps.clock,
  ),
  openObjects: ({ config: { location }, contract }) => ({
    objects: openObjectSource(location, { s3, clock: deps.clock }),
    parquet: new DuckDbParquetReader({ schema: contract.schema }),
  }),
});
