import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { limitSigningTime } from './limit-signing-time.ts';
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
  options: {
    /** The time that the writer goes by, see `limitSigningTime`. */
    readonly signedAtMs?: number;
    readonly abortSignal?: AbortSignal;
  } = {},
): Promise<'created' | 'exists'> {
  const call = { operation: 'PutObject', resource: `s3://${object.Bucket}/${object.Key}` };
  return await callAws(call, async () => {
    try {
      const command = new PutObjectCommand({ ...object, ChecksumAlgorithm: 'CRC32', IfNoneMatch: '*' });
      if (options.signedAtMs !== undefined) limitSigningTime(command, options.signedAtMs);
      await s3.send(command, { abortSignal: options.abortSignal });
      return 'created';
    } catch (error) {
      if (isNamed(error, 'PreconditionFailed')) return 'exists';
      throw error;
    }
  });
}
