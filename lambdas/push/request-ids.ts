import type { Context } from 'aws-lambda';
import { isWriteKey } from '../../shared/domain/write-key.ts';
import type { HttpEvent } from './http.ts';

/** `version-traceId-parentId-flags`: https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACE_PARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 0x01;
/** Ids as people and libraries make them: UUIDs, ULIDs, hexadecimal digits. */
const SENDER_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** What a request is known by. */
export interface RequestIds {
  /** In each line of the request's logs, in the access log of the API, and in the answer's `X-Request-Id`. */
  readonly requestId: string;
  /** Of the trace that the sender's `traceparent` names. */
  readonly traceId?: string;
  /** The sender's own `X-Request-Id`. */
  readonly senderRequestId?: string;
}

/** The ids of a request. What a sender gives counts only where it is written like an id: the rest could be anything. */
export function requestIdsOf({ headers, requestContext }: HttpEvent, context: Context): RequestIds {
  const [, , traceId] = parseTraceParent(headers) ?? [];
  const senderId = headers['x-request-id'] ?? '';
  const isId = SENDER_ID.test(senderId) && !isWriteKey(senderId);
  return {
    requestId: requestIdOf(requestContext, context),
    ...(traceId !== undefined && { traceId }),
    ...(isId && { senderRequestId: senderId }),
  };
}

/** The id that API Gateway has given a request; that of the invocation where it has given none. */
export function requestIdOf(
  requestContext: Partial<HttpEvent['requestContext']>,
  { awsRequestId }: Context,
): string {
  return requestContext.requestId ?? awsRequestId;
}

/** Whether the sender asks for a trace of this request. */
export function isTraced({ headers }: HttpEvent): boolean {
  const [, , , flags = '0'] = parseTraceParent(headers) ?? [];
  return (Number.parseInt(flags, 16) & SAMPLED) !== 0;
}

function parseTraceParent(headers: HttpEvent['headers']): readonly (string | undefined)[] | undefined {
  const [text, version, traceId, flags, more] = TRACE_PARENT.exec(headers['traceparent'] ?? '') ?? [];
  // Later versions may have more behind the flags, which is not ours to read.
  if (text === undefined || (version === '00' && more !== undefined)) return undefined;
  return [text, version, traceId, flags];
}
