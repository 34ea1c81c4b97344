import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../domain/backoff.ts';
import type { Clock } from '../../ports/clock.ts';
import { isNamed, translateError } from './translate-error.ts';

/** What creating an object needs beside the object. */
export interface CreateDeps {
  readonly s3: S3Client;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** How long S3's "a conflicting write is under way, try again" (409) is answered by trying again. */
const CONFLICT_BUDGET_MS = 10_000;
const CONFLICT_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, maxAttempts: 10 };

/**
 * Creates an object unless its key is taken. Of several writers one creates it; after a lost answer the repetition by
 * the SDK says `'exists'` to the writer itself.
 *
 * @throws HeadgateError as `translateError` gives it; a conflict that does not end is a TransientError
 */
export async function createObject(
  { s3, clock, random }: CreateDeps,
  object: PutObjectCommandInput & { readonly Bucket: string; readonly Key: string },
): Promise<'created' | 'exists'> {
  const deadlineMs = clock.nowMs() + CONFLICT_BUDGET_MS;
  for (let attempts = 1; ; attempts++) {
    try {
      await s3.send(new PutObjectCommand({ ...object, ChecksumAlgorithm: 'CRC32', IfNoneMatch: '*' }));
      return 'created';
    } catch (error) {
      if (isNamed(error, 'PreconditionFailed')) return 'exists';
      // The SDK does not repeat this one: of two simultaneous writers S3 may refuse both.
      const delayMs = isConflict(error)
        ? nextDelayMs(CONFLICT_POLICY, attempts, deadlineMs - clock.nowMs(), random())
        : undefined;
      if (delayMs === undefined) {
        throw translateError(error, {
          operation: 'PutObject',
          resource: `s3://${object.Bucket}/${object.Key}`,
        });
      }
      await clock.sleep(delayMs);
    }
  }
}

function isConflict(error: unknown): boolean {
  return isNamed(error, 'ConditionalRequestConflict') || isNamed(error, 'OperationAborted');
}
