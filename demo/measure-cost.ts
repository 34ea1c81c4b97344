import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createDynamoDbClient } from '../shared/adapters/aws/clients.ts';
import { priceUsage, type Bill } from '../shared/domain/cost/price-usage.ts';
import { COLLECTED } from './ingest.ts';
import { measureFunction, measureStream, measureTables, type FunctionUsage } from './measure-usage.ts';
import type { PushResult } from './push-requests.ts';
import type { DemoStage } from './set-up.ts';

const FUNCTIONS = ['PushFunctionName', 'StreamFunctionName'];
const SCHEDULED_FUNCTIONS = ['PullFunctionName', 'LandFunctionName'];

/**
 * What this run would have cost on AWS.
 *
 * @param ingestSeconds for how long the stream was needed: its shards are billed by time
 */
export async function measureCost(
  stage: DemoStage,
  pushed: PushResult,
  ingestSeconds: number,
): Promise<Bill> {
  const { clients, cloud, connection, lake } = stage;
  const dynamodb = createDynamoDbClient(connection);
  const logs = new CloudWatchLogsClient({ ...connection, requestHandler: new NodeHttpHandler() });
  try {
    const stream = await measureStream(clients.kinesis, cloud.output('IngestStreamName'));
    const tables = { claims: cloud.output('ClaimsTableName'), ledger: cloud.output('LedgerTableName') };
    const capacity = await measureTables(dynamodb, tables, stream.shards);
    const measure = (names: readonly string[]): Promise<FunctionUsage[]> =>
      Promise.all(names.map((name) => measureFunction(logs, cloud.output(name))));
    const scheduled = await measure(SCHEDULED_FUNCTIONS);
    const functions = [...(await measure(FUNCTIONS)), ...scheduled];
    return priceUsage({
      apiRequest: pushed.billedRequests,
      lambdaRequest: functions.reduce((sum, each) => sum + each.invocations, 0),
      lambdaArmGbSecond: functions.reduce((sum, each) => sum + each.gbSeconds, 0),
      kinesisPutUnit: stream.putUnits,
      kinesisShardHour: (stream.shards * ingestSeconds) / 3600,
      dynamoWriteUnit: capacity.writeUnits,
      dynamoReadUnit: capacity.readUnits,
      // A frame of the landing lane is a PUT, and each of its requests had one.
      s3Put: (await lake.list()).length + (pushed.totals.get(COLLECTED)?.requests ?? 0),
      schedulerInvocation: scheduled.reduce((sum, each) => sum + each.invocations, 0),
    });
  } finally {
    dynamodb.destroy();
    logs.destroy();
  }
}
