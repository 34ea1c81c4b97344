import type { S3Client } from '@aws-sdk/client-s3';

/** Requests for objects under a prefix. */
export interface ObjectRequests {
  readonly puts: number;
  readonly gets: number;
}

/** Counts what a client asks for under a prefix; repetitions of the SDK are one. */
export function countObjects(s3: S3Client, prefix: string): () => ObjectRequests {
  let puts = 0;
  let gets = 0;
  s3.middlewareStack.add(
    (next, context) => (args) => {
      const { Key: key } = args.input as { Key?: string };
      if (key?.startsWith(prefix) === true) {
        if (context['commandName'] === 'PutObjectCommand') puts++;
        if (context['commandName'] === 'GetObjectCommand') gets++;
      }
      return next(args);
    },
    { step: 'initialize', name: `countObjects ${prefix}` },
  );
  return () => ({ puts, gets });
}
