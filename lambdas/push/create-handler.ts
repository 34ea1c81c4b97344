import { hash } from 'node:crypto';
import middy, { type MiddyfiedHandler } from '@middy/core';
import type { Context } from 'aws-lambda';
import { PUSH_API, routeKeyOf, routeOf, type OperationId } from '../../shared/config/push-api.ts';
import type {
  PushSourceConfig,
  ReceivedSourceConfig,
  WebhookSourceConfig,
} from '../../shared/config/schema.ts';
import { toBytes } from '../../shared/config/units.ts';
import type { HeadgateError } from '../../shared/domain/errors.ts';
import { isSampled } from '../../shared/domain/is-sampled.ts';
import type { Source } from '../../shared/domain/source.ts';
import { retryDelayMs } from '../../shared/pipeline/backpressure/retry-delay.ts';
import type { Quota } from '../../shared/pipeline/quota.ts';
import { WAIT_RESERVE_MS, waitForLanding, type WaitDeps } from '../../shared/pipeline/wait-for-landing.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';
import { problemResponses } from '../middleware/problem-responses.ts';
import { requestIdResponses } from '../middleware/request-id-responses.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import { createAuthenticate, type AuthenticateDeps } from './authenticate.ts';
import { bodyFormatOf, type BodyFormat } from './body-format.ts';
import { toCloudEvent } from './cloud-events.ts';
import { corsResponses } from './cors-responses.ts';
import { decodeBody } from './decode-body.ts';
import { json, type HttpEvent, type HttpResponse } from './http.ts';
import { requestUsage } from './request-usage.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { whileKeepingUp, type Backpressure } from './keep-up.ts';
import { readQuery } from './read-query.ts';
import { isTraced, requestIdOf, requestIdsOf } from './request-ids.ts';
import { checkBody } from './split-body.ts';
import { storeOnce, storeRecords, type StoreDeps, type Stored, type Submission } from './store-records.ts';
import { toRecordsResponse } from './to-answer.ts';
import type { Delivery, VerifyDelivery } from './webhook/verify-delivery.ts';
import { withinLimits } from './within-limits.ts';

/** After a failure that says nothing about when it ends. */
const USUAL_RETRY_MS = 5_000;
/** Frames that a line of the log lists. */
const MAX_LOGGED_PLACES = 10;

export interface PushHandlerDeps extends StoreDeps, AuthenticateDeps {
  readonly sources: ReadonlyMap<string, Source>;
  readonly verifyDelivery: VerifyDelivery;
  readonly quota: Quota;
  readonly backpressure: Backpressure;
  /** Where requests that wait see that their records have landed. */
  readonly ledger: WaitDeps['ledger'];
  /** Share of stored requests that get a line of the log, from 0 to 1. */
  readonly logShare: number;
}

/** A request to a source. */
interface SourceRequest<Config extends ReceivedSourceConfig> {
  readonly source: Source<Config>;
  /** Who sends, where senders of the source are told apart. */
  readonly senderId: string | undefined;
  readonly event: HttpEvent;
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly remainingMs: () => number;
}

type PushRequest = SourceRequest<PushSourceConfig>;
type DeliveryRequest = SourceRequest<WebhookSourceConfig>;

/** Serves a request, given the source that its path names. */
type Serve = (
  source: Source | undefined,
  request: Omit<SourceRequest<ReceivedSourceConfig>, 'source' | 'senderId'>,
) => Promise<HttpResponse>;

function isPushSource(source: Source | undefined): source is Source<PushSourceConfig> {
  return source?.config.type === 'push';
}

function isWebhookSource(source: Source | undefined): source is Source<WebhookSourceConfig> {
  return source?.config.type === 'webhook';
}

/**
 * The push API over its ports, for events of API Gateway (HTTP API, payload format 2.0).
 *
 * A 2xx answer to records means that every record in `accepted`, `duplicates` and `quarantined` is durable. When not
 * all frames could be stored the whole request is answered 503: the sender repeats it, and records that were stored the
 * first time are recognised by their keys.
 */
export function createHandler(deps: PushHandlerDeps): MiddyfiedHandler<HttpEvent, HttpResponse> {
  const { sources, clock, telemetry, quota, backpressure, verifyDelivery, ledger, logShare } = deps;
  const authenticate = createAuthenticate(deps);

  function decode({ source, event }: SourceRequest<ReceivedSourceConfig>): Buffer {
    return decodeBody(event, event.headers['content-encoding'], {
      maxBodyBytes: toBytes(source.config.limits.maxBodyBytes),
      maxDecompressedBytes: toBytes(source.config.limits.maxDecompressedBytes),
    });
  }

  function readBody(request: PushRequest): { body: Buffer; format: BodyFormat } {
    const { headers } = request.event;
    const format = bodyFormatOf(headers);
    const decoded = decode(request);
    telemetry.count('BytesReceived', request.source.name, decoded.length);
    const body = format === 'binary-cloud-event' ? toCloudEvent(headers, decoded) : decoded;
    return { body, format };
  }

  function toSubmission(
    { source, receivedAtMs, remainingMs }: SourceRequest<ReceivedSourceConfig>,
    format: BodyFormat,
    body: Buffer,
    isVerbose = false,
  ): Submission {
    const check = (): ReturnType<typeof checkBody> => checkBody(source, format, body, receivedAtMs);
    return { source, receivedAtMs, remainingMs, isVerbose, check };
  }

  async function postRecords(request: PushRequest): Promise<HttpResponse> {
    const { source, event } = request;
    const query = readQuery(PUSH_API.postRecords, event.queryStringParameters);
    const idempotencyKey = idempotencyKeyOf(event.headers['idempotency-key']);
    if (idempotencyKey === undefined && source.config.idempotencyKey === 'required') {
      throw new HttpProblem(
        'bad-idempotency-key',
        'this source requires an Idempotency-Key: send a new one with every request, and the same one when you repeat it',
      );
    }
    const { body, format } = readBody(request);
    const submission = toSubmission(request, format, body, query['verbose']);
    const stored =
      idempotencyKey === undefined
        ? await storeRecords(deps, submission)
        : await storeOnce(
            deps,
            submission,
            toRequestKey(request, idempotencyKey),
            hash('sha256', Buffer.concat([Buffer.from(`${format}\n`), body])),
          );
    quota.spent(source, request.senderId, stored.records);
    logStored(request, stored);
    return query['wait'] === true ? await untilLanded(request, stored) : stored.response;
  }

  /** The answer to stored records: 200 where they have landed before time is up. */
  async function untilLanded(
    { remainingMs }: PushRequest,
    { response, places }: Stored,
  ): Promise<HttpResponse> {
    if (places.length === 0) return response;
    const deadlineMs = clock.nowMs() + remainingMs() - WAIT_RESERVE_MS;
    const hasLanded = await waitForLanding({ ledger, clock, telemetry }, places, deadlineMs);
    return hasLanded ? { ...response, statusCode: 200 } : response;
  }

  async function postDelivery(
    request: DeliveryRequest,
    { id, document }: Pick<Delivery, 'id' | 'document'>,
  ): Promise<HttpResponse> {
    const { source } = request;
    const submission = toSubmission(request, 'json', document);
    const stored =
      id === undefined || source.config.dedupe === 'none'
        ? await storeRecords(deps, submission)
        : // Services build the body of a repeated delivery anew: its id says that it is the same.
          await storeOnce(deps, submission, id, hash('sha256', id));
    quota.spent(source, request.senderId, stored.records);
    logStored(request, stored);
    return stored.response;
  }

  /** Says where the records of a request stand, so that their files can be found: of some requests, and of those that ask. */
  function logStored(
    { source, event, requestId }: SourceRequest<ReceivedSourceConfig>,
    stored: Stored,
  ): void {
    if (!isTraced(event) && !isSampled(requestId, logShare)) return;
    const { response, records, frameId, places } = stored;
    telemetry.log(
      'info',
      places.length > 0 ? 'records stored' : 'request answered without storing anything',
      {
        source: source.name,
        status: response.statusCode,
        records,
        frameId,
        frames: places.length,
        places: places.slice(0, MAX_LOGGED_PLACES).map(({ lane, position }) => ({ lane, position })),
      },
    );
  }

  function validateRecords(request: PushRequest): HttpResponse {
    const { verbose: isVerbose = false } = readQuery(
      PUSH_API.validateRecords,
      request.event.queryStringParameters,
    );
    const { body, format } = readBody(request);
    const { outcomes } = checkBody(request.source, format, body, request.receivedAtMs);
    quota.spent(request.source, request.senderId, outcomes.length);
    return toRecordsResponse(outcomes, { isVerbose }, 200);
  }

  function getSchema({ source: { name, contract } }: PushRequest): HttpResponse {
    const body = { source: name, version: contract.version, schema: contract.schema };
    return json(200, body, { etag: `"${contract.version}"` });
  }

  /** Serves requests to pushed sources, of senders that may. */
  function ofSender(run: (request: PushRequest) => HttpResponse | Promise<HttpResponse>): Serve {
    return async (source, request) => {
      if (!isPushSource(source)) throw unknownSource();
      return await counted(source, async () => {
        const { id: senderId } = await authenticate(source, request.event);
        return await run({ ...request, source, senderId });
      });
    };
  }

  /** Serves deliveries of those who sign them. */
  const ofSigner: Serve = async (source, request) => {
    if (!isWebhookSource(source)) throw unknownSource();
    return await counted(source, async () => {
      const delivery = { ...request, source, senderId: undefined };
      const body = decode(delivery);
      const { answer, ...verified } = await verifyDelivery(source, request.event.headers, body);
      if (answer !== undefined) return answer;
      telemetry.count('BytesReceived', source.name, body.length);
      return await limited(delivery, () =>
        whileKeepingUp(backpressure, source, () => postDelivery(delivery, verified)),
      );
    });
  };

  function limited(
    { source, senderId, event }: SourceRequest<ReceivedSourceConfig>,
    run: () => HttpResponse | Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    return withinLimits(quota, source, senderId, event, run);
  }

  async function counted(source: Source, run: () => Promise<HttpResponse>): Promise<HttpResponse> {
    telemetry.count('Requests', source.name, 1);
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof HttpProblem)) telemetry.count('Errors', source.name, 1);
      throw error;
    }
  }

  const operations: Readonly<Record<Exclude<OperationId, 'getHealth'>, Serve>> = {
    postRecords: ofSender((request) =>
      limited(request, () => whileKeepingUp(backpressure, request.source, () => postRecords(request))),
    ),
    validateRecords: ofSender((request) => limited(request, () => validateRecords(request))),
    getSchema: ofSender(getSchema),
    postDelivery: ofSigner,
  };

  async function answer(event: HttpEvent, context: Context): Promise<HttpResponse> {
    const route = routeOf(event.routeKey, event.pathParameters);
    if (route === undefined) {
      const known = (Object.keys(PUSH_API) as OperationId[]).map((id) => routeKeyOf(id));
      throw new HttpProblem('not-found', `the API has ${known.join(', ')}`);
    }
    if (route.id === 'getHealth') return json(200, { status: 'ok' });
    return await operations[route.id](sources.get(route.sourceName), {
      event,
      requestId: requestIdOf(event.requestContext, context),
      receivedAtMs: clock.nowMs(),
      remainingMs: () => context.getRemainingTimeInMillis(),
    });
  }

  /** A throttled stream is asked again when what it refused will fit. */
  function retryAfterMs({ code }: HeadgateError): number {
    return code === 'STREAM_REFUSED'
      ? backpressure.drain.retryAfterMs()
      : retryDelayMs(USUAL_RETRY_MS, Math.random());
  }

  const idOf = ({ requestContext }: HttpEvent, context: Context): string =>
    requestIdOf(requestContext, context);

  return middy<HttpEvent, HttpResponse>()
    .use(corsResponses(sources))
    .use(requestIdResponses(idOf))
    .use(problemResponses(retryAfterMs, idOf))
    .use(flushTelemetry(telemetry, { usageOf: requestUsage, idsOf: requestIdsOf, budgets: deps.budgets }))
    .handler(async (event, context) => {
      try {
        return await answer(event, context);
      } catch (error) {
        if (error instanceof HttpProblem) return toProblemResponse(error);
        throw error;
      }
    });
}

/**
 * What a request is remembered by. Senders who are somebody each have keys of their own, so that none can use up
 * another's. Write keys are replaced, and the new one must find what was sent with the old one.
 */
function toRequestKey({ source, senderId }: PushRequest, idempotencyKey: string): string {
  return source.config.auth.type === 'key' ? idempotencyKey : JSON.stringify([senderId, idempotencyKey]);
}

function unknownSource(): HttpProblem {
  return new HttpProblem(
    'unknown-source',
    'no source of this name takes such requests; check the name in the URL',
  );
}
