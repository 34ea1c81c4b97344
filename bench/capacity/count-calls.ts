import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';

const PLACE = { step: 'finalizeRequest', name: 'headgateCalls', priority: 'low' } as const;

/**
 * Counts the requests of two clients together from now on, each attempt of the SDK for itself.
 *
 * @returns the number of requests so far
 */
export function countCalls(dynamodb: DynamoDBClient, s3: S3Client): () => number {
  let calls = 0;
  dynamodb.middlewareStack.add(
    (next) => async (args) => {
      calls++;
      return await next(args);
    },
    PLACE,
  );
  s3.middlewareStack.add(
    (next) => async (args) => {
      calls++;
      return await next(args);
    },
    PLACE,
  );
  return () => calls;
}
