import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { callAws, isNamed } from './translate-error.ts';

/**
 * Creates an object unless its key is taken. Of several writers one creates it; after a lost answer the repetition by
 * the client says `'exists'` to the writer itself. Of two simultaneous writers S3 may refuse both (409): the client
 * repeats that, too.
 *
 * @throws HeadgateError as `translateError` gives it; a conflict that does not end is a TransientError
 */
export async function createObject(
  s3: S3Client,
  object: PutObjectCommandInput & { readonly Bucket: string; readonly Key: string },
): Promise<'created' | 'exists'> {
  const call = { operation: 'PutObject', resource: `s3://${object.Bucket}/${object.Key}` };
  return await callAws(call, async () => {
    try {
      await s3.send(new PutObjectCommand({ ...object, ChecksumAlgorithm: 'CRC32', IfNoneMatch: '*' }));
      return 'created';
    } catch (error) {
      if (isNamed(error, 'PreconditionFailed')) return 'exists';
      throw error;
    }
  });
}
