import { describe, expect, test } from 'vitest';
import { callAws, translateError } from '../../../shared/adapters/aws/translate-error.ts';
import { BlockedError, RejectedError, TransientError } from '../../../shared/domain/errors.ts';

const CALL = { operation: 'PutObject', resource: 's3://lake/raw/x.parquet' };

function awsError(name: string, httpStatusCode?: number, more: object = {}): Error {
  return Object.assign(new Error('text that must not matter'), {
    name,
    $metadata: { httpStatusCode },
    ...more,
  });
}

describe('translate error', () => {
  test.each([
    ['ProvisionedThroughputExceededException', 400],
    ['ThrottlingException', 400],
    ['RequestLimitExceeded', 400],
    ['SlowDown', 503],
    ['InternalServerError', 500],
    ['ServiceUnavailable', 503],
    ['TransactionConflictException', 400],
    ['ConditionalRequestConflict', 409],
    ['KMSThrottlingException', 400],
    ['TimeoutError', undefined],
    ['AbortError', undefined],
    ['SomethingNewAndUnheardOf', 500],
    ['SomethingNewAndUnheardOf', 599],
    ['SomethingNewAndUnheardOf', 429],
    ['SomethingNewAndUnheardOf', 408],
  ])('%s (%s) is repeated later', (name, status) => {
    const error = awsError(name, status);
    const translated = translateError(error, CALL);
    expect(translated).toBeInstanceOf(TransientError);
    expect(translated).toMatchObject({ code: 'AWS_UNAVAILABLE', disposition: 'retry', cause: error });
    expect(translated.message).toContain(`PutObject on s3://lake/raw/x.parquet failed (${name})`);
  });

  test.each(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])(
    'a broken connection (%s) is repeated later, also when it is only the cause',
    (code) => {
      const socketError = Object.assign(new Error('socket'), { code });
      expect(translateError(socketError, CALL)).toBeInstanceOf(TransientError);
      expect(translateError(new Error('wrapped', { cause: socketError }), CALL)).toBeInstanceOf(
        TransientError,
      );
    },
  );

  test.each([
    ['AccessDenied', 403, 'ACCESS_DENIED', 'policy'],
    ['AccessDeniedException', 400, 'ACCESS_DENIED', 'policy'],
    // HEAD answers have no body, so the SDK has nothing but the status.
    ['UnknownError', 403, 'ACCESS_DENIED', 'policy'],
    ['UnknownError', 401, 'ACCESS_DENIED', 'policy'],
    ['ExpiredTokenException', 400, 'CREDENTIALS_INVALID', 'sign in again'],
    ['UnrecognizedClientException', 400, 'CREDENTIALS_INVALID', 'AWS_PROFILE'],
    ['CredentialsProviderError', undefined, 'CREDENTIALS_INVALID', 'AWS_PROFILE'],
    ['InvalidObjectState', 403, 'OBJECT_ARCHIVED', 'restore'],
    ['ResourceNotFoundException', 400, 'RESOURCE_MISSING', 'deploy'],
    ['NoSuchBucket', 404, 'RESOURCE_MISSING', 'deploy'],
    ['KMSDisabledException', 400, 'KMS_KEY_UNUSABLE', 'enable the KMS key'],
    ['KMS.DisabledException', 400, 'KMS_KEY_UNUSABLE', 'enable the KMS key'],
    ['RequestTimeTooSkewed', 403, 'CLOCK_WRONG', 'clock'],
  ])('%s (%s) blocks until a person acts, and says how', (name, status, code, advice) => {
    const translated = translateError(awsError(name, status), CALL);
    expect(translated).toBeInstanceOf(BlockedError);
    expect(translated).toMatchObject({ code, disposition: 'block' });
    expect(translated.message).toContain(advice);
    expect(translated.message).toContain('s3://lake/raw/x.parquet');
  });

  test('a cancelled transaction is repeated when a reason passes by itself', () => {
    const cancelled = (...codes: string[]): Error =>
      awsError('TransactionCanceledException', 400, { CancellationReasons: codes.map((Code) => ({ Code })) });
    for (const code of ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']) {
      expect(translateError(cancelled('None', code), CALL)).toBeInstanceOf(TransientError);
    }
    const invalid = cancelled('ValidationError', 'None');
    expect(translateError(invalid, CALL)).toBe(invalid);
  });

  test('what is neither passing nor blocked stays as it is: a bug must look like one', () => {
    for (const error of [awsError('ValidationException', 400), new TypeError('x is not a function')]) {
      expect(translateError(error, CALL)).toBe(error);
    }
  });

  test('the text of an error decides nothing', () => {
    const misleading = new Error('AccessDenied: Throttling: ECONNRESET: please retry');
    expect(translateError(misleading, CALL)).toBe(misleading);
  });

  test('an error of our own is passed on', () => {
    const error = new RejectedError('FRAME_TOO_LARGE', 'too large');
    expect(translateError(error, CALL)).toBe(error);
  });

  test('a call that succeeds is passed on, and one that fails throws what its failure means', async () => {
    await expect(callAws(CALL, () => Promise.resolve(7))).resolves.toBe(7);
    await expect(callAws(CALL, () => Promise.reject(awsError('SlowDown', 503)))).rejects.toBeInstanceOf(
      TransientError,
    );
  });
});
