import { config } from 'headgate:bundle';
import {
  createDynamoDbClient,
  createEventBridgeClient,
  createLogsClient,
} from '../../shared/adapters/aws/clients.ts';
import { DynamoCostHistory } from '../../shared/adapters/aws/dynamo-cost-history.ts';
import { DynamoCountStore } from '../../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoFindingStore } from '../../shared/adapters/aws/dynamo-finding-store.ts';
import { EmfTelemetry } from '../../shared/adapters/aws/emf-telemetry.ts';
import { EventBridgeFindings } from '../../shared/adapters/aws/event-bridge-findings.ts';
import { InsightsCostLog } from '../../shared/adapters/aws/insights-cost-log.ts';
import { LineCostLog } from '../../shared/adapters/aws/line-cost-log.ts';
import { LogActivity } from '../../shared/adapters/aws/log-activity.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { readEnv, watchEnv } from '../../shared/config/env.ts';
import { watchTargetsOf } from '../../shared/config/watch-settings-of.ts';
import { createHandler } from './create-handler.ts';

const env = readEnv(watchEnv, process.env);
const clock = systemClock;
const table = env.LEDGER_TABLE;
const dynamodb = createDynamoDbClient();
const ofLogs = { logs: createLogsClient(), deployment: config.name };

// What it costs belongs to no source, so nothing is metered.
export const handler = createHandler({
  deployment: config.name,
  sources: watchTargetsOf(config),
  counts: new DynamoCountStore({ dynamodb, table, clock }),
  findings: new DynamoFindingStore({ dynamodb, table, clock }),
  costs: new DynamoCostHistory({ dynamodb, table, clock }),
  costLog:
    env.AWS_ENDPOINT_URL === undefined
      ? new InsightsCostLog(ofLogs)
      : new LineCostLog(new LogActivity(ofLogs)),
  events: new EventBridgeFindings({ events: createEventBridgeClient() }),
  clock,
  telemetry: new EmfTelemetry({ lane: 'watch', clock }),
});
