import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { routeOf } from '../../shared/config/push-api.ts';
import type { PushSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import { corsHeaders, preflight } from './cors.ts';

type HttpEvent = APIGatewayProxyEventV2;
type HttpResponse = APIGatewayProxyStructuredResultV2;

const OPTIONS = 'OPTIONS ';

/**
 * Lets the pages that a source names use it: answers their preflight requests, and tells their browsers that they may
 * read the answers to others. It must be the first middleware, so that it sees the answers that the others make.
 */
export function corsResponses(sources: ReadonlyMap<string, Source>): MiddlewareObj<HttpEvent, HttpResponse> {
  function pushSource(name: string): PushSourceConfig | undefined {
    const config = sources.get(name)?.config;
    return config?.type === 'push' ? config : undefined;
  }

  function answerPreflight({ routeKey, pathParameters, headers }: HttpEvent): HttpResponse {
    try {
      const path = routeKey.slice(OPTIONS.length);
      const route = routeOf(`POST ${path}`, pathParameters) ?? routeOf(`GET ${path}`, pathParameters);
      const source = pushSource(route?.sourceName ?? '');
      if (source === undefined) {
        throw new HttpProblem(
          'unknown-source',
          'no source of this name takes pushed records; check the name in the URL',
        );
      }
      return { statusCode: 204, headers: preflight(source, path, headers) };
    } catch (error) {
      if (error instanceof HttpProblem) return toProblemResponse(error);
      throw error;
    }
  }

  function addHeaders(event: HttpEvent, response: HttpResponse | null | undefined): void {
    const source = pushSource(routeOf(event.routeKey, event.pathParameters)?.sourceName ?? '');
    if (source?.cors === undefined || response === null || response === undefined) return;
    response.headers = { ...response.headers, ...corsHeaders(source, event.headers['origin']) };
  }

  return {
    before: ({ event }) => (event.routeKey.startsWith(OPTIONS) ? answerPreflight(event) : undefined),
    after: ({ event, response }) => {
      addHeaders(event, response);
    },
    onError: ({ event, response }) => {
      addHeaders(event, response);
    },
  };
}
