import { randomUUID } from 'node:crypto';
import {
  createCloudWatchClient,
  createDynamoDbClient,
  createLambdaClient,
} from '../shared/adapters/aws/clients.ts';
import { DynamoCountStore } from '../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoFindingStore } from '../shared/adapters/aws/dynamo-finding-store.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoPullControlStore } from '../shared/adapters/aws/dynamo-pull-control-store.ts';
import { invokeFunction, startFunction } from '../shared/adapters/aws/invoke-function.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { describeAlarms } from '../shared/adapters/aws/describe-alarms.ts';
import { setAlarmActions } from '../shared/adapters/aws/set-alarm-actions.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { tellingAlarms } from '../shared/domain/alarm-names.ts';
import { OPERATOR_TIMEOUTS } from '../shared/domain/backoff.ts';
import type { OpenPull } from './open-pull.ts';
import { pullFunctionOf } from './pull/pulled-source.ts';

/** A run takes 15 minutes at most. */
const RUN_TIMEOUTS = { attemptMs: 910_000, callMs: 910_000 };

/** The stores and functions of a deployment. */
export async function openPull(config: HeadgateConfig): Promise<OpenPull> {
  const table = await readStackOutput(`${config.name}-storage`, 'LedgerTableName');
  const dynamodb = createDynamoDbClient({ timeouts: OPERATOR_TIMEOUTS });
  const lambda = createLambdaClient({ timeouts: RUN_TIMEOUTS });
  const cloudwatch = createCloudWatchClient({ timeouts: OPERATOR_TIMEOUTS });
  const functionOf = (source: string): string => {
    const declared = config.sources[source];
    return `${config.name}-${declared === undefined ? 'pull' : pullFunctionOf(declared)}`;
  };
  return {
    control: new DynamoPullControlStore({ dynamodb, table }),
    ledger: new DynamoLedgerStore({ dynamodb, table, clock: systemClock }),
    counts: new DynamoCountStore({ dynamodb, table, clock: systemClock }),
    findings: new DynamoFindingStore({ dynamodb, table, clock: systemClock }),
    perform: async (work) => {
      await invokeFunction(lambda, functionOf(work.source), work);
    },
    start: (work) => startFunction(lambda, functionOf(work.source), work),
    tellOfAlarms: (source, isTelling) =>
      setAlarmActions(cloudwatch, tellingAlarms(config.name, source), isTelling),
    alarmsOf: (source) => describeAlarms(cloudwatch, `${config.name}-${source}-`),
    newToken: randomUUID,
    close: () => {
      dynamodb.destroy();
      lambda.destroy();
      cloudwatch.destroy();
    },
  };
}
