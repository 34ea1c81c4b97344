import { gunzipSync } from 'node:zlib';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createKinesisClient } from '../../shared/adapters/aws/clients.ts';

/*
 * What a push function is without anything that Headgate adds: no key, no limits, no contract, no results by record.
 * Each record is one record of the stream.
 */

const kinesis = createKinesisClient();

export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const lines = gunzipSync(Buffer.from(event.body ?? '', 'base64'))
    .toString()
    .trimEnd()
    .split('\n');
  const answer = await kinesis.send(
    new PutRecordsCommand({
      StreamName: process.env['INGEST_STREAM'],
      Records: lines.map((line) => {
        const record = JSON.parse(line) as { id: string };
        return { Data: Buffer.from(line), PartitionKey: record.id };
      }),
    }),
  );
  if (answer.FailedRecordCount !== 0) return { statusCode: 503 };
  return { statusCode: 202, body: JSON.stringify({ accepted: lines.length }) };
}
