import { config, validators } from 'headgate:bundle';
import { createDynamoDbClient, createKinesisClient } from '../../shared/adapters/aws/clients.ts';
import { DynamoRequestStore } from '../../shared/adapters/aws/dynamo-request-store.ts';
import { DynamoWriteKeyStore } from '../../shared/adapters/aws/dynamo-write-key-store.ts';
import { EmfTelemetry } from '../../shared/adapters/aws/emf-telemetry.ts';
import { KinesisFrameBus } from '../../shared/adapters/aws/kinesis-frame-bus.ts';
import { systemClock as clock } from '../../shared/adapters/aws/system-clock.ts';
import { createVerifyToken } from '../../shared/adapters/jwt/create-verify-token.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { pushEnv, readEnv } from '../../shared/config/env.ts';
import { PUSH_TIMEOUTS } from '../../shared/domain/backoff.ts';
import { createHandler } from './create-handler.ts';
import { SEND_BUDGET_MS } from './store-records.ts';

const env = readEnv(pushEnv, process.env);
const dynamodb = createDynamoDbClient({ timeouts: PUSH_TIMEOUTS });

const stream = new KinesisFrameBus({
  kinesis: createKinesisClient({ timeouts: PUSH_TIMEOUTS }),
  stream: env.INGEST_STREAM,
  clock,
  budgetMs: SEND_BUDGET_MS,
});

export const handler = createHandler({
  sources: compileSources(config, validators),
  busOf: () => stream,
  requests: new DynamoRequestStore({ dynamodb, table: env.CLAIMS_TABLE }),
  keys: new DynamoWriteKeyStore({ dynamodb, table: env.ACCESS_TABLE, clock }),
  verifyToken: createVerifyToken({ clock, fetch }),
  clock,
  telemetry: new EmfTelemetry({ lane: 'push', clock }),
});
