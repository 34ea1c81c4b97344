import { randomUUID } from 'node:crypto';
import { config, validators } from 'headgate:bundle';
import {
  createDynamoDbClient,
  createKinesisClient,
  createS3Client,
  createSsmClient,
} from '../../shared/adapters/aws/clients.ts';
import { DynamoCountStore } from '../../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoLedgerStore } from '../../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoQuotaStore } from '../../shared/adapters/aws/dynamo-quota-store.ts';
import { DynamoRequestStore } from '../../shared/adapters/aws/dynamo-request-store.ts';
import { DynamoWriteKeyStore } from '../../shared/adapters/aws/dynamo-write-key-store.ts';
import { EmfTelemetry } from '../../shared/adapters/aws/emf-telemetry.ts';
import { KinesisFrameBus } from '../../shared/adapters/aws/kinesis-frame-bus.ts';
import { S3FrameWriter } from '../../shared/adapters/aws/s3-frame-writer.ts';
import { SsmParameterStore } from '../../shared/adapters/aws/ssm-parameter-store.ts';
import { systemClock as clock } from '../../shared/adapters/aws/system-clock.ts';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { createVerifyToken } from '../../shared/adapters/jwt/create-verify-token.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { pushEnv, readEnv } from '../../shared/config/env.ts';
import { toMs } from '../../shared/config/units.ts';
import {
  COUNT_TIMEOUTS,
  GLANCE_TIMEOUTS,
  PUSH_TIMEOUTS,
  QUOTA_TIMEOUTS,
} from '../../shared/domain/backoff.ts';
import { createAcceptedCounter } from '../../shared/pipeline/accepted-counter.ts';
import { createDrainMeter } from '../../shared/pipeline/backpressure/drain-meter.ts';
import { createLagWatch } from '../../shared/pipeline/backpressure/lag-watch.ts';
import { createMeteredBus } from '../../shared/pipeline/backpressure/metered-bus.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import { createQuota } from '../../shared/pipeline/quota.ts';
import type { FrameBus } from '../../shared/ports/frame-bus.ts';
import { createBudgetsOf } from '../composition/create-budgets-of.ts';
import { createFrameBuses } from './create-frame-buses.ts';
import { createHandler } from './create-handler.ts';
import { createDeliveryVerifier } from './webhook/verify-delivery.ts';

const env = readEnv(pushEnv, process.env);
const meter = new UsageMeter();
const telemetry = new EmfTelemetry({
  lane: 'push',
  clock,
  meter,
  onCost: (source, usd) => {
    budgets.spend(source, usd);
  },
});
const budgets: Budgets = createBudgetsOf(config, env.CLAIMS_TABLE, { clock, telemetry, meter });
const dynamodb = createDynamoDbClient({ meter, timeouts: PUSH_TIMEOUTS });
const parameters = new SsmParameterStore({ ssm: createSsmClient({ meter, timeouts: PUSH_TIMEOUTS }), clock });

// Reads of the ledger may fail without harm, and nobody waits for them for long.
const ledger = new DynamoLedgerStore({
  dynamodb: createDynamoDbClient({ meter, timeouts: GLANCE_TIMEOUTS }),
  table: env.LEDGER_TABLE,
  clock,
});
const drain = createDrainMeter(clock);
const lag = createLagWatch({ ledger, clock, telemetry }, toMs(config.ingest.maxLag));

function toStreamBus(stream: string): (budgetMs: number) => FrameBus {
  const kinesis = createKinesisClient({ meter, timeouts: PUSH_TIMEOUTS });
  return (budgetMs) =>
    createMeteredBus(new KinesisFrameBus({ kinesis, stream, clock, budgetMs }), { drain, lag });
}

function toFrameWriter(bucket: string): S3FrameWriter {
  return new S3FrameWriter({ s3: createS3Client({ meter, timeouts: PUSH_TIMEOUTS }), bucket });
}

export const handler = createHandler({
  sources: compileSources(config, validators),
  busOf: createFrameBuses({
    stream: env.INGEST_STREAM === undefined ? undefined : toStreamBus(env.INGEST_STREAM),
    frames: env.LAKE_BUCKET === undefined ? undefined : toFrameWriter(env.LAKE_BUCKET),
    lag,
    budgets,
    clock,
    telemetry,
    newToken: randomUUID,
  }),
  budgets,
  requests: new DynamoRequestStore({ dynamodb, table: env.CLAIMS_TABLE }),
  accepted: createAcceptedCounter({
    counts: new DynamoCountStore({
      dynamodb: createDynamoDbClient({ meter, timeouts: COUNT_TIMEOUTS }),
      table: env.LEDGER_TABLE,
      clock,
    }),
    telemetry,
    process: randomUUID(),
  }),
  keys: new DynamoWriteKeyStore({ dynamodb, table: env.ACCESS_TABLE, clock }),
  verifyToken: createVerifyToken({ clock, fetch }),
  verifyDelivery: createDeliveryVerifier({ parameters, clock, telemetry }),
  quota: createQuota({
    // Additions must not be repeated, and limits are no reason to keep anybody waiting: one short attempt.
    store: new DynamoQuotaStore({
      dynamodb: createDynamoDbClient({ meter, timeouts: QUOTA_TIMEOUTS }),
      table: env.CLAIMS_TABLE,
    }),
    clock,
    telemetry,
  }),
  backpressure: { lag, drain },
  logShare: config.logs.share,
  ledger,
  clock,
  telemetry,
});
