import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { callAws, isNamed } from './translate-error.ts';

export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Names without the prefix `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a whole object.
 *
 * @returns undefined when there is none
 * @throws HeadgateError as `translateError` gives it
 */
export async function readObject(
  s3: S3Client,
  bucket: string,
  key: string,
): Promise<StoredObject | undefined> {
  return await callAws({ operation: 'GetObject', resource: `s3://${bucket}/${key}` }, async () => {
    try {
      const { Body: body, Metadata: metadata = {} } = await s3.send(
        new GetObjectCommand({ Bucket: bucket, Key: key }),
      );
      return { bytes: (await body?.transformToByteArray()) ?? new Uint8Array(), metadata };
    } catch (error) {
      if (isNamed(error, 'NoSuchKey') || isNamed(error, 'NotFound')) return undefined;
      throw error;
    }
  });
}
