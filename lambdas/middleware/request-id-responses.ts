import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';

type HttpEvent = APIGatewayProxyEventV2;
type HttpResponse = APIGatewayProxyStructuredResultV2;

/** Says in each answer, failures included, what its request is known by in the logs: `X-Request-Id`. */
export function requestIdResponses(
  idOf: (event: HttpEvent, context: Context) => string,
): MiddlewareObj<HttpEvent, HttpResponse> {
  const add: MiddlewareObj<HttpEvent, HttpResponse>['after'] = ({ event, context, response }) => {
    if (response === null || response === undefined) return;
    response.headers = { ...response.headers, 'x-request-id': idOf(event, context) };
  };
  return { after: add, onError: add };
}
