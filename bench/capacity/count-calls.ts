import type { S3Client } from '@aws-sdk/client-s3';

/** Counts the requests of a client from now on, each attempt of the SDK for itself. */
export function countCalls(client: S3Client): { readonly calls: () => number } {
  let calls = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      calls++;
      return await next(args);
    },
    { step: 'finalizeRequest', name: 'headgateCalls', priority: 'low' },
  );
  return { calls: () => calls };
}
