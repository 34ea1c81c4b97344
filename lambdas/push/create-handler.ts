import { hash, randomUUID } from 'node:crypto';
import middy, { type MiddyfiedHandler } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { PUSH_API, routeKeyOf, routeOf, type OperationId } from '../../shared/config/push-api.ts';
import type { PushSourceConfig } from '../../shared/config/schema.ts';
import { toBytes, toMs } from '../../shared/config/units.ts';
import { PUSH_TIMEOUTS } from '../../shared/domain/backoff.ts';
import { RejectedError, TransientError } from '../../shared/domain/errors.ts';
import { splitJson, splitLines } from '../../shared/domain/json-records.ts';
import type { Source } from '../../shared/domain/source.ts';
import {
  checkRecords,
  sendRecords,
  type CheckedBatch,
  type RecordOutcome,
} from '../../shared/pipeline/accept-records.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { FrameBus } from '../../shared/ports/frame-bus.ts';
import type { RequestClaim, RequestStore } from '../../shared/ports/request-store.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';
import { problemResponses } from '../middleware/problem-responses.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import { createAuthorize } from './authorize.ts';
import { bodyFormatOf, type BodyFormat } from './body-format.ts';
import { decodeBody } from './decode-body.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { readQuery, type Query } from './read-query.ts';
import { toAnswer } from './to-answer.ts';

/** Time that sending frames may take, retries included. The bus must be made with it. */
export const SEND_BUDGET_MS = 10_000;
/** A request that cannot be sent, remembered and answered in the time that is left is not begun. */
const MIN_REMAINING_MS = SEND_BUDGET_MS + PUSH_TIMEOUTS.callMs + 1_000;
/** A crashed attempt of a request blocks its Idempotency-Key for this long after the function's time-out. */
const LEASE_MARGIN_MS = 1_000;
const IN_PROGRESS_RETRY_SECONDS = 2;

type HttpEvent = APIGatewayProxyEventV2;
type HttpResponse = APIGatewayProxyStructuredResultV2;
type PushSource = Source<PushSourceConfig>;

export interface PushHandlerDeps {
  readonly sources: ReadonlyMap<string, Source>;
  readonly bus: FrameBus;
  readonly requests: RequestStore;
  readonly keys: WriteKeyStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** A request whose sender and source are known. */
interface PushRequest {
  readonly source: PushSource;
  readonly event: HttpEvent;
  readonly query: Query;
  readonly receivedAtMs: number;
  readonly remainingMs: () => number;
}

function json(statusCode: number, body: unknown, headers: Record<string, string> = {}): HttpResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

function isPushSource(source: Source | undefined): source is PushSource {
  return source?.config.type === 'push';
}

/** Splits a body into records; what is not JSON as a whole is refused as a whole. */
function splitBody(source: PushSource, format: BodyFormat, body: Buffer): readonly Buffer[] {
  const { maxRecordsPerRequest } = source.config.limits;
  try {
    const records = (format === 'json' ? splitJson : splitLines)(body, maxRecordsPerRequest);
    if (records.length > 0) return records;
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    const isTooMany = error.code === 'TOO_MANY_RECORDS';
    const members = isTooMany ? { maxRecords: maxRecordsPerRequest } : {};
    throw new HttpProblem(isTooMany ? 'too-large' : 'malformed-body', error.message, { members });
  }
  throw new HttpProblem('malformed-body', 'the body has no records; send at least one');
}

function check(
  { source, receivedAtMs }: PushRequest,
  format: BodyFormat,
  records: readonly Buffer[],
): CheckedBatch {
  const maxRecordBytes = toBytes(source.config.limits.maxRecordBytes);
  const batch = checkRecords(source, records, { receivedAtMs, maxRecordBytes });
  // Lines stand for themselves; an array with a broken element is not JSON, and no part of it is trusted.
  const broken =
    format === 'json'
      ? batch.outcomes.findIndex(({ violations }) =>
          violations.some(({ rule }) => rule === 'json' || rule === 'utf8'),
        )
      : -1;
  if (broken === -1) return batch;
  const where =
    records.length === 1 ? 'the body' : `the body is malformed at element ${String(broken)}, which`;
  const what =
    batch.outcomes[broken]?.violations[0]?.rule === 'utf8' ? 'is not valid UTF-8' : 'is not valid JSON';
  throw new HttpProblem('malformed-body', `${where} ${what}; nothing was stored`);
}

function toResponse(
  request: PushRequest,
  outcomes: readonly RecordOutcome[],
  statusCode: number,
): HttpResponse {
  const answer = toAnswer(outcomes, request.query['verbose'] === true);
  if (answer.rejected < outcomes.length) return json(statusCode, answer);
  const detail = 'every record was rejected; correct them as the results say and send them again';
  return toProblemResponse(new HttpProblem('all-records-rejected', detail, { members: { ...answer } }));
}

/**
 * The push API over its ports, for events of API Gateway (HTTP API, payload format 2.0).
 *
 * A 2xx answer to records means that every record in `accepted`, `duplicates` and `quarantined` is durable. When not
 * all frames could be stored the whole request is answered 503: the sender repeats it, and records that were stored the
 * first time are recognised by their keys.
 */
export function createHandler(deps: PushHandlerDeps): MiddyfiedHandler<HttpEvent, HttpResponse> {
  const { sources, bus, requests, clock, telemetry } = deps;
  const authorize = createAuthorize(deps.keys, clock);

  function readBody({ source, event }: PushRequest): { body: Buffer; format: BodyFormat } {
    const format = bodyFormatOf(event.headers['content-type']);
    const body = decodeBody(event, event.headers['content-encoding'], {
      maxBodyBytes: toBytes(source.config.limits.maxBodyBytes),
      maxDecompressedBytes: toBytes(source.config.limits.maxDecompressedBytes),
    });
    telemetry.count('BytesReceived', source.name, body.length);
    return { body, format };
  }

  async function store(
    request: PushRequest,
    format: BodyFormat,
    body: Buffer,
    frameId: string,
  ): Promise<HttpResponse> {
    const { source, receivedAtMs } = request;
    const batch = check(request, format, splitBody(source, format, body));
    if (request.remainingMs() < MIN_REMAINING_MS) {
      throw new TransientError(
        'OUT_OF_TIME',
        'checking the records took too long; send them in smaller requests',
      );
    }
    const { outcomes } = await sendRecords(bus, source, batch, { frameId, receivedAtMs });
    const rejected = outcomes.filter(({ status }) => status === 'rejected').length;
    telemetry.count('RecordsReceived', source.name, outcomes.length);
    telemetry.count('RecordsRejected', source.name, rejected);
    telemetry.count('RecordsAccepted', source.name, outcomes.length - rejected);
    return toResponse(request, outcomes, 202);
  }

  /** Runs a request under its Idempotency-Key: once, or not at all if it has been answered before. */
  async function storeOnce(
    request: PushRequest,
    format: BodyFormat,
    body: Buffer,
    idempotencyKey: string,
  ): Promise<HttpResponse> {
    const { source, receivedAtMs } = request;
    const payloadHash = hash('sha256', Buffer.concat([Buffer.from(`${format}\n`), body]));
    const claim: RequestClaim = {
      source: source.name,
      idempotencyKey,
      payloadHash,
      attempt: randomUUID(),
      nowMs: receivedAtMs,
      leaseUntilMs: receivedAtMs + request.remainingMs() + LEASE_MARGIN_MS,
      expiresAtMs: receivedAtMs + toMs(source.config.dedupeWindow),
    };
    const begun = await requests.begin(claim);
    switch (begun.status) {
      case 'done': {
        const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true' };
        return { statusCode: begun.answer.statusCode, headers, body: begun.answer.body };
      }
      case 'in-progress':
        throw new HttpProblem('request-in-progress', 'wait for its answer, or repeat the request later', {
          headers: { 'retry-after': String(IN_PROGRESS_RETRY_SECONDS) },
        });
      case 'other-payload':
        throw new HttpProblem(
          'idempotency-key-reused',
          `this Idempotency-Key stands for another payload; use a new key for new records (keys are remembered for ${source.config.dedupeWindow})`,
        );
      case 'new':
    }
    // The same request has the same frames, whoever sends it again and whenever.
    const frameId = hash('sha256', JSON.stringify([source.name, idempotencyKey, payloadHash])).slice(0, 32);
    let response: HttpResponse | undefined;
    try {
      response = await store(request, format, body, frameId);
    } finally {
      await remember(claim, response);
    }
    return response;
  }

  /** Keeps the answer to a stored request; forgets one that stored nothing or not all, so that it can be repeated. */
  async function remember(claim: RequestClaim, response: HttpResponse | undefined): Promise<void> {
    try {
      const { statusCode, body } = response ?? {};
      if (statusCode === 202 && body !== undefined) await requests.complete(claim, { statusCode, body });
      else await requests.release(claim);
    } catch (error) {
      // The records are as durable as the answer says; a repeated request runs again and is deduplicated by record.
      telemetry.log('warn', 'the answer under an Idempotency-Key could not be kept', {
        source: claim.source,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  const operations: Readonly<
    Partial<Record<OperationId, (request: PushRequest) => HttpResponse | Promise<HttpResponse>>>
  > = {
    postRecords: (request) => {
      const idempotencyKey = idempotencyKeyOf(request.event.headers['idempotency-key']);
      const { body, format } = readBody(request);
      return idempotencyKey === undefined
        ? store(request, format, body, randomUUID())
        : storeOnce(request, format, body, idempotencyKey);
    },
    validateRecords: (request) => {
      const { body, format } = readBody(request);
      const batch = check(request, format, splitBody(request.source, format, body));
      return toResponse(request, batch.outcomes, 200);
    },
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
