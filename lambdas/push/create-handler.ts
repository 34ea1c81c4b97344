import middy, { type MiddyfiedHandler } from '@middy/core';
import type { Context } from 'aws-lambda';
import { PUSH_API, routeKeyOf, routeOf, type OperationId } from '../../shared/config/push-api.ts';
import type { PushSourceConfig } from '../../shared/config/schema.ts';
import { toBytes } from '../../shared/config/units.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';
import { problemResponses } from '../middleware/problem-responses.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import { createAuthorize } from './authorize.ts';
import { bodyFormatOf, type BodyFormat } from './body-format.ts';
import { corsResponses } from './cors-responses.ts';
import { toCloudEvent } from './cloud-events.ts';
import { decodeBody } from './decode-body.ts';
import { json, type HttpEvent, type HttpResponse } from './http.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { readQuery, type Query } from './read-query.ts';
import { checkBody } from './split-body.ts';
import { storeOnce, storeRecords, type StoreDeps, type Submission } from './store-records.ts';
import { toRecordsResponse } from './to-answer.ts';

type PushSource = Source<PushSourceConfig>;

export interface PushHandlerDeps extends StoreDeps {
  readonly sources: ReadonlyMap<string, Source>;
  readonly keys: WriteKeyStore;
  readonly clock: Clock;
}

/** A request whose sender and source are known. */
interface PushRequest {
  readonly source: PushSource;
  readonly event: HttpEvent;
  readonly query: Query;
  readonly receivedAtMs: number;
  readonly remainingMs: () => number;
}

function isPushSource(source: Source | undefined): source is PushSource {
  return source?.config.type === 'push';
}

/**
 * The push API over its ports, for events of API Gateway (HTTP API, payload format 2.0).
 *
 * A 2xx answer to records means that every record in `accepted`, `duplicates` and `quarantined` is durable. When not
 * all frames could be stored the whole request is answered 503: the sender repeats it, and records that were stored the
 * first time are recognised by their keys.
 */
export function createHandler(deps: PushHandlerDeps): MiddyfiedHandler<HttpEvent, HttpResponse> {
  const { sources, clock, telemetry } = deps;
  const authorize = createAuthorize(deps.keys, clock);

  function readBody({ source, event }: PushRequest): { body: Buffer; format: BodyFormat } {
    const format = bodyFormatOf(event.headers);
    const decoded = decodeBody(event, event.headers['content-encoding'], {
      maxBodyBytes: toBytes(source.config.limits.maxBodyBytes),
      maxDecompressedBytes: toBytes(source.config.limits.maxDecompressedBytes),
    });
    telemetry.count('BytesReceived', source.name, decoded.length);
    const body = format === 'binary-cloud-event' ? toCloudEvent(event.headers, decoded) : decoded;
    return { body, format };
  }

  async function postRecords(request: PushRequest): Promise<HttpResponse> {
    const { source, receivedAtMs, remainingMs } = request;
    const idempotencyKey = idempotencyKeyOf(request.event.headers['idempotency-key']);
    if (idempotencyKey === undefined && source.config.idempotencyKey === 'required') {
      throw new HttpProblem(
        'bad-idempotency-key',
        'this source requires an Idempotency-Key: send a new one with every request, and the same one when you repeat it',
      );
    }
    const { body, format } = readBody(request);
    const submission: Submission = {
      source,
      receivedAtMs,
      remainingMs,
      isVerbose: request.query['verbose'] === true,
      check: () => checkBody(source, format, body, receivedAtMs),
    };
    const { response } =
      idempotencyKey === undefined
        ? await storeRecords(deps, submission)
        : await storeOnce(
            deps,
            submission,
            idempotencyKey,
            Buffer.concat([Buffer.from(`${format}\n`), body]),
          );
    return response;
  }

  function validateRecords(request: PushRequest): HttpResponse {
    const { body, format } = readBody(request);
    const { outcomes } = checkBody(request.source, format, body, request.receivedAtMs);
    return toRecordsResponse(outcomes, request.query['verbose'] === true, 200);
  }

  const operations: Readonly<
    Partial<Record<OperationId, (request: PushRequest) => HttpResponse | Promise<HttpResponse>>>
  > = {
    postRecords,
    validateRecords,
    getSchema: ({ source: { name, contract } }) =>
      json(
        200,
        { source: name, version: contract.version, schema: contract.schema },
        { etag: `"${contract.version}"` },
      ),
  };

  async function answer(event: HttpEvent, context: Context): Promise<HttpResponse> {
    const route = routeOf(event.routeKey, event.pathParameters);
    if (route === undefined) {
      const known = (Object.keys(PUSH_API) as OperationId[]).map((id) => routeKeyOf(id));
      throw new HttpProblem('not-found', `the API has ${known.join(', ')}`);
    }
    if (route.id === 'getHealth') return json(200, { status: 'ok' });
    const run = operations[route.id];
    const source = sources.get(route.sourceName);
    if (run === undefined || !isPushSource(source)) {
      throw new HttpProblem(
        'unknown-source',
        'no source of this name takes pushed records; check the name in the URL',
      );
    }
    telemetry.count('Requests', source.name, 1);
    try {
      await authorize(source.name, event.headers['authorization']);
      return await run({
        source,
        event,
        query: readQuery(route.operation, event.queryStringParameters),
        receivedAtMs: clock.nowMs(),
        remainingMs: () => context.getRemainingTimeInMillis(),
      });
    } catch (error) {
      if (!(error instanceof HttpProblem)) telemetry.count('Errors', source.name, 1);
      throw error;
    }
  }

  return middy<HttpEvent, HttpResponse>()
    .use(corsResponses(sources))
    .use(problemResponses())
    .use(flushTelemetry(telemetry))
    .handler(async (event, context) => {
      try {
        return await answer(event, context);
      } catch (error) {
        if (error instanceof HttpProblem) return toProblemResponse(error);
        throw error;
      }
    });
}
