import { gunzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** The least that reading a request costs: decompression and JSON.parse; nothing is sent anywhere. */
export function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const lines = gunzipSync(Buffer.from(event.body ?? '', 'base64'))
    .toString()
    .trimEnd()
    .split('\n');
  for (const line of lines) JSON.parse(line);
  return Promise.resolve({ statusCode: 202, body: JSON.stringify({ accepted: lines.length }) });
}
