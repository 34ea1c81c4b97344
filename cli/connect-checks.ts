import { SILENT_TELEMETRY } from '../shared/adapters/memory/silent-telemetry.ts';
import { createDynamoDbClient, createS3Client, createSsmClient } from '../shared/adapters/aws/clients.ts';
import { createLoginToken } from '../shared/adapters/aws/create-login-token.ts';
import { DynamoTokenStore } from '../shared/adapters/aws/dynamo-token-store.ts';
import { requireRegion } from '../shared/adapters/aws/require-region.ts';
import { SsmParameterStore } from '../shared/adapters/aws/ssm-parameter-store.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { findPrivateAddress } from '../shared/adapters/database/private-address.ts';
import { DuckDbParquetReader } from '../shared/adapters/duckdb/duckdb-parquet-reader.ts';
import { openObjectSource } from '../shared/adapters/files/open-object-source.ts';
import { resolveValue } from '../shared/adapters/http/resolve-value.ts';
import { createHttpSender } from '../shared/adapters/http/send-request.ts';
import { openTable } from '../shared/adapters/open-table.ts';
import { openPullSource } from '../shared/adapters/pull-sources.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { HeadgateError } from '../shared/domain/errors.ts';
import { createReadOnlyTokens } from '../shared/pipeline/checks/read-only-tokens.ts';
import type { ObjectSource } from '../shared/ports/object-source.ts';
import type { ParameterStore } from '../shared/ports/parameter-store.ts';
import { NO_TOKENS, type StoredTokens } from '../shared/ports/token-store.ts';
import { pointsHere } from './local-defaults.ts';
import type { OpenChecks } from './open-checks.ts';

/** What sources are reached by: the adapters of the functions, with the credentials of the environment. */
export function openChecks(config: HeadgateConfig): OpenChecks {
  const clock = systemClock;
  const ssm = createSsmClient();
  const s3 = createS3Client();
  const sender = createHttpSender();
  const store = new SsmParameterStore({ ssm, clock });
  const parameters: ParameterStore = {
    get: async (name, age) => {
      await requireRegion(ssm);
      return store.get(name, age);
    },
  };
  const tokens = createReadOnlyTokens((source) => readTokens(config.name, source));
  return {
    clock,
    parameters,
    openTable: (source) => openTable(source, { clock, parameters, createToken: createLoginToken }),
    openPages: (source) =>
      openPullSource(source, {
        ...{ sender, parameters, tokens, clock, telemetry: SILENT_TELEMETRY },
        random: Math.random,
      }),
    openObjects: ({ config: { location }, contract }) => ({
      objects: withRegion(openObjectSource(location, { s3, clock }), () =>
        location.startsWith('s3://') ? requireRegion(s3) : undefined,
      ),
      parquet: new DuckDbParquetReader({ schema: contract.schema }),
    }),
    privateAddress: async ({ connection: { host } }) =>
      // Functions of an embedded cloud stand here too.
      pointsHere(process.env) ? undefined : findPrivateAddress(await resolveValue(host, parameters)),
    close: () => {
      sender.close();
      ssm.destroy();
      s3.destroy();
    },
  };
}

/** Objects are listed before they are opened. */
function withRegion(objects: ObjectSource, require: () => unknown): ObjectSource {
  return {
    list: async (after, deadlineMs) => {
      await require();
      return objects.list(after, deadlineMs);
    },
    open: (object, offset, deadlineMs) => objects.open(object, offset, deadlineMs),
  };
}

/** The tokens that a deployment has stored, if there is one that may be looked into. */
async function readTokens(name: string, source: string): Promise<StoredTokens> {
  const dynamodb = createDynamoDbClient();
  try {
    const table = await readStackOutput(`${name}-storage`, 'LedgerTableName');
    return await new DynamoTokenStore({ dynamodb, table }).read(source);
  } catch (error) {
    if (error instanceof HeadgateError) return NO_TOKENS;
    throw error;
  } finally {
    dynamodb.destroy();
  }
}
