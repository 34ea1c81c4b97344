import { DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../../domain/errors.ts';
import { callAws } from './translate-error.ts';

/** Of one request. */
const MAX_DELETES = 1_000;

/**
 * Deletes objects; those that are not there are no error.
 *
 * @throws TransientError with code `OBJECTS_NOT_DELETED` when some are left
 */
export async function deleteObjects(s3: S3Client, bucket: string, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += MAX_DELETES) {
    const some = keys.slice(at, at + MAX_DELETES);
    const answer = await callAws(
      { operation: 'DeleteObjects', resource: `s3://${bucket}/${some[0] ?? ''}` },
      () =>
        s3.send(
          new DeleteObjectsCommand({
            Bucket: bucket,
            Delete: { Objects: some.map((key) => ({ Key: key })), Quiet: true },
          }),
        ),
    );
    const [refused] = answer.Errors ?? [];
    if (refused === undefined) continue;
    throw new TransientError(
      'OBJECTS_NOT_DELETED',
      `${String(answer.Errors?.length ?? 0)} of ${String(some.length)} objects were not deleted, ` +
        `${refused.Key ?? 'one'} first (${refused.Code ?? 'no reason given'})`,
    );
  }
}
