import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { readObject } from './read-object.ts';
import { callAws } from './translate-error.ts';

/** Objects of a bucket, whatever they are. */
export interface S3Objects {
  /** Keys that begin with `prefix`, in order; only those behind `after`, where it is given. */
  list(prefix: string, after?: string): Promise<readonly string[]>;
  /** Undefined when there is no object. */
  read(key: string): Promise<Uint8Array | undefined>;
}

/** Looks into a bucket. */
export function createS3Objects(s3: S3Client, bucket: string): S3Objects {
  return {
    async list(prefix, after) {
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page = await callAws(
          { operation: 'ListObjectsV2', resource: `s3://${bucket}/${prefix}` },
          async () =>
            await s3.send(
              new ListObjectsV2Command({
                Bucket: bucket,
                Prefix: prefix,
                ContinuationToken: token,
                ...(token === undefined && after !== undefined && { StartAfter: after }),
              }),
            ),
        );
        for (const { Key: key } of page.Contents ?? []) if (key !== undefined) keys.push(key);
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return keys.sort();
    },
    async read(key) {
      return (await readObject(s3, bucket, key))?.bytes;
    },
  };
}
