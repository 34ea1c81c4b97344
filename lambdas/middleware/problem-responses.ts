import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { HeadgateError } from '../../shared/domain/errors.ts';
import { HttpProblem, toProblemResponse } from './problems.ts';

/**
 * Answers a failure with a problem document: 503 with Retry-After when a store or the stream did not serve us (the
 * sender repeats the request), 500 for anything else. What failed is in the log only.
 *
 * @param retryAfterMs how long the sender should wait after such a failure
 * @param idOf what the request is known by in the logs
 */
export function problemResponses(
  retryAfterMs: (error: HeadgateError) => number,
  idOf: (event: APIGatewayProxyEventV2, context: Context) => string,
): MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2> {
  return {
    onError: (request) => {
      const { error } = request;
      const isKnown = error instanceof HeadgateError;
      const requestId = idOf(request.event, request.context);
      const detail = isKnown
        ? 'the records could not all be stored; repeat the request as it is, with the same Idempotency-Key if it has one'
        : 'repeat the request; if it fails again, tell the operator the requestId';
      const headers: Record<string, string> = isKnown
        ? { 'retry-after': String(Math.ceil(retryAfterMs(error) / 1000)) }
        : {};
      const problem = isKnown ? 'temporary-reduced-capacity' : 'internal-error';
      request.response = toProblemResponse(
        new HttpProblem(problem, detail, { headers, members: { requestId } }),
      );
    },
  };
}
