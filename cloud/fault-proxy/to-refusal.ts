import type { Fault } from '../../shared/adapters/faults/fault-plan.ts';
import type { SeenRequest } from './seen-request.ts';

/** An answer that refuses a call, as the service itself would word it. */
export interface Refusal {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

type RefusingKind = Exclude<Fault['kind'], 'delay' | 'reset-before' | 'reset-after'>;
type Wording = readonly [status: number, code: string];

const DYNAMODB_WRITES: ReadonlySet<string> = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);

/**
 * How a service refuses a call. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 *
 * @returns undefined when the service has no such refusal of this call: reads meet no conflict
 */
export function toRefusal(kind: RefusingKind, request: SeenRequest): Refusal | undefined {
  const error = request.service === 's3' ? s3Error(kind, request) : jsonError(kind, request);
  if (error === undefined) return undefined;
  const [status, code] = error;
  const message = 'injected by the embedded cloud';
  if (request.service === 's3') {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
    return { status, contentType: 'application/xml', body };
  }
  const version = request.service === 'dynamodb' ? '1.0' : '1.1';
  return {
    status,
    contentType: `application/x-amz-json-${version}`,
    body: JSON.stringify({ __type: code, message }),
  };
}

function s3Error(kind: RefusingKind, { operation, isCreation }: SeenRequest): Wording | undefined {
  switch (kind) {
    case 'throttle':
      return [503, 'SlowDown'];
    case 'server-error':
      return [500, 'InternalError'];
    case 'access-denied':
      return [403, 'AccessDenied'];
    case 'conflict':
      if (operation !== 'PutObject') return undefined;
      return [409, isCreation ? 'ConditionalRequestConflict' : 'OperationAborted'];
  }
}

function jsonError(kind: RefusingKind, { service, operation }: SeenRequest): Wording | undefined {
  switch (kind) {
    case 'throttle':
      return [400, service === 'ssm' ? 'ThrottlingException' : 'ProvisionedThroughputExceededException'];
    case 'server-error':
      return [500, service === 'kinesis' ? 'InternalFailure' : 'InternalServerError'];
    case 'access-denied':
      return [400, 'AccessDeniedException'];
    case 'conflict':
      if (service !== 'dynamodb') return undefined;
      if (operation === 'TransactWriteItems') return [400, 'TransactionInProgressException'];
      return DYNAMODB_WRITES.has(operation) ? [400, 'TransactionConflictException'] : undefined;
  }
}
