import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { paginateScan, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { itemBytes } from '../shared/adapters/aws/item-size.ts';
import {
  dynamoReadUnits,
  dynamoWriteUnits,
  kinesisPutUnits,
  lambdaGbSeconds,
} from '../shared/domain/cost/metering.ts';

/** PUT units of everything on a stream, read back from it. */
export async function measureStream(
  kinesis: KinesisClient,
  stream: string,
): Promise<{ shards: number; putUnits: number }> {
  const { Shards: shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
  let putUnits = 0;
  for (const { ShardId: shardId } of shards) {
    const start = await kinesis.send(
      new GetShardIteratorCommand({
        StreamName: stream,
        ShardId: shardId,
        ShardIteratorType: 'TRIM_HORIZON',
      }),
    );
    for (let iterator = start.ShardIterator; iterator !== undefined;) {
      const page = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      const records = page.Records ?? [];
      for (const { Data: data } of records) putUnits += kinesisPutUnits(data?.length ?? 0);
      iterator =
        records.length === 0 && (page.MillisBehindLatest ?? 0) === 0 ? undefined : page.NextShardIterator;
    }
  }
  return { shards: shards.length, putUnits };
}

/** What a function ran. */
export interface FunctionUsage {
  readonly invocations: number;
  readonly gbSeconds: number;
}

/** Usage of a function, from the lines that Lambda itself writes at the end of each. */
export async function measureFunction(
  logs: CloudWatchLogsClient,
  functionName: string,
): Promise<FunctionUsage> {
  let invocations = 0;
  let gbSeconds = 0;
  const pages = paginateFilterLogEvents(
    { client: logs },
    { logGroupName: `/aws/lambda/${functionName}`, filterPattern: 'REPORT' },
  );
  for await (const page of pages) {
    for (const { message = '' } of page.events ?? []) {
      const [, ms, memoryMb] =
        /^REPORT .*Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB/.exec(message) ?? [];
      if (ms === undefined || memoryMb === undefined) continue;
      invocations += 1;
      gbSeconds += lambdaGbSeconds(Number(ms), Number(memoryMb));
    }
  }
  return { invocations, gbSeconds };
}

/**
 * Capacity units that the items in the tables of claims and of the ledger took to write and read, from the items
 * themselves: each item of claims is one write and one read by every lane, each request two writes, each committed
 * range one announcement and one transaction of two items (billed twice) after one read.
 */
export async function measureTables(
  dynamodb: DynamoDBClient,
  tables: { readonly claims: string; readonly ledger: string },
  lanes: number,
): Promise<{ writeUnits: number; readUnits: number }> {
  let writeUnits = 0;
  let readUnits = 0;
  for await (const item of scan(dynamodb, tables.claims)) {
    const units = dynamoWriteUnits(itemBytes(item));
    const isRequest = item['bucket']?.S?.startsWith('request#') === true;
    writeUnits += isRequest ? 2 * units : units;
    readUnits += isRequest ? 0 : lanes * dynamoReadUnits(itemBytes(item));
  }
  for await (const item of scan(dynamodb, tables.ledger)) {
    if (item['entry']?.S === 'state') continue;
    writeUnits += 1 + 2 * (1 + dynamoWriteUnits(itemBytes(item)));
    readUnits += 1;
  }
  return { writeUnits, readUnits };
}

async function* scan(client: DynamoDBClient, table: string): AsyncGenerator<Record<string, AttributeValue>> {
  for await (const page of paginateScan({ client }, { TableName: table })) yield* page.Items ?? [];
}
