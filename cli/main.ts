import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { createDynamoDbClient, createS3Client, createSsmClient } from '../shared/adapters/aws/clients.ts';
import { DynamoSpendStore } from '../shared/adapters/aws/dynamo-spend-store.ts';
import { DynamoWriteKeyStore } from '../shared/adapters/aws/dynamo-write-key-store.ts';
import { openS3Sample } from '../shared/adapters/aws/open-s3-sample.ts';
import { createLoginToken } from '../shared/adapters/aws/create-login-token.ts';
import { AwsAccount } from '../shared/adapters/aws/aws-account.ts';
import { SsmParameterStore } from '../shared/adapters/aws/ssm-parameter-store.ts';
import { AthenaQueryHistory } from '../shared/adapters/aws/athena-query-history.ts';
import { openLogLines } from '../shared/adapters/aws/open-log-lines.ts';
import { openActivityLog } from '../shared/adapters/aws/open-activity-log.ts';
import { readDeployedPlan } from '../shared/adapters/aws/read-deployed-plan.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { loadPrices } from '../shared/config/load-prices.ts';
import { loadConfig } from '../shared/config/load-config.ts';
import { createLakeView } from '../shared/adapters/aws/s3-lake-view.ts';
import { openTable } from '../shared/adapters/open-table.ts';
import { queryLake } from '../shared/adapters/duckdb/query-lake.ts';
import { openAudit } from './connect-audit.ts';
import { openChecks } from './connect-checks.ts';
import { openPull } from './connect-pull.ts';
import { openReplay } from './connect-replay.ts';
import { openRowSketches } from './connect-row-sketches.ts';
import { createEditor } from './dlq/edit-text.ts';
import { localDefaults, pointsHere } from './local-defaults.ts';
import { createProgress } from './progress.ts';
import { runCli } from './run-cli.ts';

/** Copies of lakes for queries; in the project's cache, safe to delete. */
const COPIES = join(import.meta.dirname, '../.headgate/lakes');

Object.assign(process.env, localDefaults(process.env));

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: {
    out: (text) => {
      process.stdout.write(`${text}\n`);
    },
    err: (text) => {
      process.stderr.write(`${text}\n`);
    },
    confirm: process.stdin.isTTY ? confirm : undefined,
  },
  clock: systemClock,
  loadConfig,
  openSample: (location) => openS3Sample(createS3Client(), location),
  openKeys: async (config) =>
    new DynamoWriteKeyStore({
      dynamodb: createDynamoDbClient(),
      table: await readStackOutput(`${config.name}-storage`, 'AccessTableName'),
      clock: systemClock,
    }),
  openLake: async (config) => {
    const bucket = await readStackOutput(`${config.name}-storage`, 'LakeBucketName');
    return { bucket, copyFolder: join(COPIES, bucket), ...createLakeView(createS3Client(), bucket) };
  },
  queryFolder: queryLake,
  openAudit,
  openTable: (source, password) => {
    const store = new SsmParameterStore({ ssm: createSsmClient(), clock: systemClock });
    const { connection } = source.config;
    return openTable(source, {
      clock: systemClock,
      createToken: createLoginToken,
      parameters: {
        get: (name, age) =>
          password !== undefined && name === connection.password?.parameter
            ? Promise.resolve(password)
            : store.get(name, age),
      },
    });
  },
  env: process.env,
  readDeployedPlan,
  openReplay,
  editText: createEditor(process.env, process.stdin.isTTY),
  openPull,
  openLogs: ({ name }) => openLogLines(name),
  openSpend: async ({ name }) => {
    const dynamodb = createDynamoDbClient();
    const table = await readStackOutput(`${name}-storage`, 'ClaimsTableName');
    return {
      store: new DynamoSpendStore({ dynamodb, table }),
      close: () => {
        dynamodb.destroy();
      },
    };
  },
  queryHistory: pointsHere(process.env) ? undefined : new AthenaQueryHistory(),
  openActivity: ({ name }) => openActivityLog(name, !pointsHere(process.env)),
  loadPrices,
  openRowSketches,
  openChecks,
  openAccount: () => new AwsAccount({ clock: systemClock }),
  isLocal: pointsHere(process.env),
  nodeVersion: process.versions.node,
  who: `${process.env['USER'] ?? process.env['LOGNAME'] ?? 'somebody'}@${hostname()}`,
  progress: createProgress(process.stderr),
});
