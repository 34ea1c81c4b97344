import { config, validators } from 'headgate:bundle';
import { createDynamoDbClient, createS3Client, createSsmClient } from '../../shared/adapters/aws/clients.ts';
import { DynamoTokenStore } from '../../shared/adapters/aws/dynamo-token-store.ts';
import { SsmParameterStore } from '../../shared/adapters/aws/ssm-parameter-store.ts';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { DuckDbParquetReader } from '../../shared/adapters/duckdb/duckdb-parquet-reader.ts';
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

export const handler = createHandler({
  ...deps,
  openSource: (source) =>
    openPullSource(source, { ...deps, sender, parameters, tokens, random: Math.random }),
  openObjects: ({ config: { location }, contract }) => ({
    objects: openObjectSource(location, { s3, clock: deps.clock }),
    parquet: new DuckDbParquetReader({ schema: contract.schema }),
  }),
});
