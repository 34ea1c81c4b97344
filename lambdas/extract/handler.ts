import { config, validators } from 'headgate:bundle';
import { createS3Client, createSsmClient } from '../../shared/adapters/aws/clients.ts';
import { createLoginToken } from '../../shared/adapters/aws/create-login-token.ts';
import { S3FileStage } from '../../shared/adapters/aws/s3-file-stage.ts';
import { createS3Objects } from '../../shared/adapters/aws/s3-objects.ts';
import { SsmParameterStore } from '../../shared/adapters/aws/ssm-parameter-store.ts';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { DuckDbColumnWriter } from '../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbLandedRows } from '../../shared/adapters/duckdb/duckdb-landed-rows.ts';
import { DuckDbRowKeys } from '../../shared/adapters/duckdb/duckdb-row-keys.ts';
import { DuckDbSession } from '../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { openTable } from '../../shared/adapters/open-table.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { pullEnv, readEnv } from '../../shared/config/env.ts';
import { createRunDeps } from '../composition/create-run-deps.ts';
import { createHandler } from './create-handler.ts';

const env = readEnv(pullEnv, process.env);
const meter = new UsageMeter();
const deps = createRunDeps('extract', env, config, compileSources(config, validators), meter);

// One DuckDB for all: they take turns, and share its memory.
const session = new DuckDbSession();
const needs = {
  clock: deps.clock,
  parameters: new SsmParameterStore({ ssm: createSsmClient({ meter }), clock: deps.clock }),
  createToken: createLoginToken,
};

const lakeFiles = createS3Objects(createS3Client({ meter }), env.LAKE_BUCKET);

export const handler = createHandler({
  ...deps,
  tables: new DuckDbTableWriter(session),
  columns: new DuckDbColumnWriter(session),
  landedRows: new DuckDbLandedRows(session, lakeFiles, deps.clock),
  keys: new DuckDbRowKeys(session, lakeFiles, deps.clock),
  files: new S3FileStage({ s3: createS3Client({ meter }), bucket: env.LAKE_BUCKET }),
  openTable: (source) => openTable(source, needs),
});
