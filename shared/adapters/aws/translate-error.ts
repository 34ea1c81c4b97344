import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { BlockedError, HeadgateError, TransientError } from '../../domain/errors.ts';

/** What was called, for the message. */
export interface AwsCall {
  /** The API's name, e.g. `PutObject`. */
  readonly operation: string;
  /** What it was called on, e.g. `s3://lake/raw/…` or `table headgate-claims`. */
  readonly resource: string;
}

type Blocked = { readonly code: string; readonly advice: string };

const DENIED: Blocked = {
  code: 'ACCESS_DENIED',
  advice:
    "the role may not do this; compare its policy (and the key's and bucket's) with the deployed stacks",
};
const CREDENTIALS: Blocked = {
  code: 'CREDENTIALS_INVALID',
  advice:
    'sign in again or set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to valid credentials',
};
const MISSING: Blocked = {
  code: 'RESOURCE_MISSING',
  advice: 'it does not exist in this account and region; deploy the stacks again',
};
const KEY_UNUSABLE: Blocked = {
  code: 'KMS_KEY_UNUSABLE',
  advice: 'enable the KMS key, or cancel its deletion, and let the role use it',
};
const ARCHIVED: Blocked = {
  code: 'OBJECT_ARCHIVED',
  advice:
    'it is in an archive of S3; restore it (aws s3api restore-object), after which it is read as always',
};
const CLOCK_WRONG: Blocked = {
  code: 'CLOCK_WRONG',
  advice: "this machine's clock is off by more than five minutes; set it",
};

/** Nothing behind these can succeed before a person has acted. */
const BLOCKED: ReadonlyMap<string, Blocked> = new Map([
  ['AccessDenied', DENIED],
  ['AccessDeniedException', DENIED],
  ['AllAccessDisabled', DENIED],
  ['Forbidden', DENIED],
  ['KMSAccessDeniedException', DENIED],
  ['NotAuthorized', DENIED],
  ['UnauthorizedOperation', DENIED],
  ['CredentialsProviderError', CREDENTIALS],
  ['ExpiredToken', CREDENTIALS],
  ['ExpiredTokenException', CREDENTIALS],
  ['IncompleteSignature', CREDENTIALS],
  ['InvalidAccessKeyId', CREDENTIALS],
  ['InvalidClientTokenId', CREDENTIALS],
  ['InvalidSignatureException', CREDENTIALS],
  ['MissingAuthenticationToken', CREDENTIALS],
  ['SignatureDoesNotMatch', CREDENTIALS],
  ['TokenProviderError', CREDENTIALS],
  ['UnrecognizedClientException', CREDENTIALS],
  ['InvalidObjectState', ARCHIVED],
  ['NoSuchBucket', MISSING],
  ['ResourceNotFoundException', MISSING],
  ['TableNotFoundException', MISSING],
  ['InvalidKeyId', KEY_UNUSABLE],
  ['KMS.DisabledException', KEY_UNUSABLE],
  ['KMS.KMSInvalidStateException', KEY_UNUSABLE],
  ['KMS.NotFoundException', KEY_UNUSABLE],
  ['KMSDisabledException', KEY_UNUSABLE],
  ['KMSInvalidStateException', KEY_UNUSABLE],
  ['KMSNotFoundException', KEY_UNUSABLE],
  ['KMSOptInRequired', KEY_UNUSABLE],
  ['RequestExpired', CLOCK_WRONG],
  ['RequestTimeTooSkewed', CLOCK_WRONG],
]);

/** The same call may succeed later. Names of services' errors and of Node's (`code`) alike. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'AbortError',
  'BandwidthLimitExceeded',
  'ConditionalRequestConflict',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_HTTP2_STREAM_CANCEL',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'ETIMEDOUT',
  'InternalError',
  'InternalFailure',
  'InternalFailureException',
  'InternalServerError',
  'KMSThrottlingException',
  'LimitExceededException',
  'OperationAborted',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestTimeout',
  'RequestTimeoutException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TimeoutError',
  'TooManyRequestsException',
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/** Reasons for which DynamoDB cancels a transaction that may succeed when it is repeated. */
const TRANSIENT_CANCELLATIONS: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'TransactionConflict',
]);

/**
 * What an error of the AWS SDK means to Headgate: TransientError (repeat later), BlockedError (a person has to act),
 * or, when it is neither, the error as it is: a request that AWS finds malformed is a bug of ours. Decided by the
 * error's name, code and HTTP status, never by its text.
 */
export function translateError(error: unknown, call: AwsCall): Error {
  if (!(error instanceof Error))
    return new Error(`${call.operation} on ${call.resource} failed`, { cause: error });
  if (error instanceof HeadgateError) return error;
  const names = namesOf(error);
  const what = `${call.operation} on ${call.resource} failed (${names[0] ?? 'Error'})`;
  for (const name of names) {
    const blocked = BLOCKED.get(name);
    if (blocked !== undefined) {
      return new BlockedError(blocked.code, `${what}: ${blocked.advice}`, { cause: error });
    }
    if (TRANSIENT.has(name)) {
      return new TransientError('AWS_UNAVAILABLE', `${what}: repeat it later`, { cause: error });
    }
  }
  const status = statusOf(error);
  if (status === 401 || status === 403) {
    return new BlockedError(DENIED.code, `${what}: ${DENIED.advice}`, { cause: error });
  }
  if (status !== undefined && (status >= 500 || status === 429 || status === 408)) {
    return new TransientError('AWS_UNAVAILABLE', `${what}: repeat it later`, { cause: error });
  }
  if (cancellationReasons(error).some(({ Code: code }) => TRANSIENT_CANCELLATIONS.has(code ?? ''))) {
    return new TransientError('AWS_UNAVAILABLE', `${what}: repeat it later`, { cause: error });
  }
  return error;
}

/** Runs a call to AWS and throws what its failure means. */
export async function callAws<Answer>(call: AwsCall, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await send();
  } catch (error) {
    throw translateError(error, call);
  }
}

/** Whether an error has this name, which is how AWS tells its errors apart. */
export function isNamed<Name extends string>(error: unknown, name: Name): error is Error & { name: Name } {
  return error instanceof Error && error.name === name;
}

/** Why one item of a DynamoDB transaction was refused. */
interface CancellationReason {
  readonly Code?: string;
  readonly Item?: Record<string, AttributeValue>;
}

/** Why a DynamoDB transaction was cancelled, one reason per item; empty for every other error. */
export function cancellationReasons(error: unknown): readonly CancellationReason[] {
  if (!isNamed(error, 'TransactionCanceledException') || !('CancellationReasons' in error)) return [];
  return error.CancellationReasons as readonly CancellationReason[];
}

/** The error's name, its code, and those of what caused it: the SDK wraps errors of sockets and credentials. */
function namesOf(error: Error): string[] {
  const names: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    if (current.name !== 'Error') names.push(current.name);
    if ('code' in current && typeof current.code === 'string') names.push(current.code);
    current = current.cause;
  }
  return names;
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  return (error.$metadata as { readonly httpStatusCode?: number } | undefined)?.httpStatusCode;
}
