import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { createFrameBuses } from '../../lambdas/push/create-frame-buses.ts';
import { createHandler } from '../../lambdas/push/create-handler.ts';
import { createDeliveryVerifier } from '../../lambdas/push/webhook/verify-delivery.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryFrameBus } from '../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryLandingZone } from '../../shared/adapters/memory/memory-landing-zone.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryQuotaStore } from '../../shared/adapters/memory/memory-quota-store.ts';
import { MemoryRequestStore } from '../../shared/adapters/memory/memory-request-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryWriteKeyStore } from '../../shared/adapters/memory/memory-write-key-store.ts';
import type { PushAnswer } from '../../shared/config/push-answers.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import { toMs } from '../../shared/config/units.ts';
import type { HeadgateConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';
import { readFrame, recordBytes } from '../../shared/domain/frame.ts';
import type { Source } from '../../shared/domain/source.ts';
import { hashWriteKey, toWriteKey } from '../../shared/domain/write-key.ts';
import { createAcceptedCounter } from '../../shared/pipeline/accepted-counter.ts';
import { createDrainMeter } from '../../shared/pipeline/backpressure/drain-meter.ts';
import { createLagWatch, type LagWatch } from '../../shared/pipeline/backpressure/lag-watch.ts';
import { createMeteredBus } from '../../shared/pipeline/backpressure/metered-bus.ts';
import { createQuota } from '../../shared/pipeline/quota.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { FrameBus } from '../../shared/ports/frame-bus.ts';
import type { ParameterStore } from '../../shared/ports/parameter-store.ts';
import type { RequestStore } from '../../shared/ports/request-store.ts';
import type { VerifyToken } from '../../shared/ports/verify-token.ts';

const SOURCE = { type: 'push' as const, freshness: '30 seconds', volume: { gbPerDay: 1 }, key: ['id'] };

/** Schema of the source `orders`. */
export const ORDER_SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'string', minLength: 1 },
    amount: { type: 'number' },
    count: { type: 'integer', minimum: 0 },
    big: { type: 'integer', format: 'int64' },
    at: { type: 'string', format: 'date-time' },
    customer: { type: 'object', properties: { name: { type: 'string' } } },
  },
  required: ['id'],
};

/** What deliveries to `hooks` are signed with. */
export const HOOK_SECRET = {
  parameter: '/push-world/hooks/secret',
  value: `whsec_${Buffer.from('a secret of the push world').toString('base64')}`,
};

/** `orders` quarantines what violates its schema, `strict` refuses it, `tiny` has low limits, `once` requires an
 * Idempotency-Key, `tokens` and `signed` take tokens and signed requests, `feed` is not pushed. */
const CONFIG: HeadgateConfigInput = {
  ingest: { maxLag: '1 minute' },
  sources: {
    orders: { ...SOURCE, contract: { schema: ORDER_SCHEMA } },
    strict: { ...SOURCE, contract: { schema: ORDER_SCHEMA, dataTypes: 'freeze', columns: 'freeze' } },
    tiny: {
      ...SOURCE,
      contract: { schema: ORDER_SCHEMA },
      limits: {
        maxBodyBytes: '4 KiB',
        maxDecompressedBytes: '64 KiB',
        maxRecordBytes: '1 KiB',
        maxRecordsPerRequest: 10,
      },
    },
    once: { ...SOURCE, contract: { schema: ORDER_SCHEMA }, idempotencyKey: 'required' },
    tokens: {
      ...SOURCE,
      contract: { schema: ORDER_SCHEMA },
      auth: { type: 'jwt', issuer: 'https://login.example.com/', audience: 'headgate' },
    },
    signed: { ...SOURCE, contract: { schema: ORDER_SCHEMA }, auth: { type: 'iam' } },
    batched: { ...SOURCE, contract: { schema: ORDER_SCHEMA }, pattern: 'micro-batch' },
    spilling: { ...SOURCE, contract: { schema: ORDER_SCHEMA }, overflow: 'spill', priority: 'low' },
    minor: { ...SOURCE, contract: { schema: ORDER_SCHEMA }, priority: 'low' },
    hooks: {
      ...SOURCE,
      type: 'webhook',
      contract: { schema: ORDER_SCHEMA },
      signature: { preset: 'standard-webhooks', secrets: [{ parameter: HOOK_SECRET.parameter }] },
    },
    feed: { ...SOURCE, type: 'stream' as const, contract: { schema: ORDER_SCHEMA } },
  },
};

function compile(input: HeadgateConfigInput): Declared {
  const config = parseConfig(input);
  return { config, sources: compileSources(config, compileValidators(config)) };
}

interface Declared {
  readonly config: HeadgateConfig;
  readonly sources: ReadonlyMap<string, Source>;
}

const DECLARED = compile(CONFIG);

/** What the API answered, with its body parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Members of the answers to records and of problem documents; each answer has some of them. */
  readonly body: PushAnswer & { readonly type?: string; readonly detail?: string };
}

export interface PushRequestOptions {
  readonly source?: string;
  readonly route?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly query?: Record<string, string>;
  readonly remainingMs?: number;
  /** What API Gateway says about a signed request. */
  readonly authorizer?: unknown;
}

/** The push handler over memory stores. */
export class PushWorld {
  readonly clock = new ManualClock({ jump: true });
  readonly keys = new MemoryWriteKeyStore();
  readonly telemetry = new MemoryTelemetry();
  readonly sources: ReadonlyMap<string, Source>;
  readonly requests: RequestStore;
  readonly bus: FrameBus;
  readonly ledger = new MemoryLedgerStore();
  readonly landing = new MemoryLandingZone();
  readonly drain = createDrainMeter(this.clock, () => 0.5);
  readonly lag: LagWatch;
  readonly #memoryBus = new MemoryFrameBus();
  readonly #handler;

  constructor(
    options: {
      readonly bus?: FrameBus;
      readonly requests?: RequestStore;
      /** Without it no token is valid. */
      readonly verifyToken?: VerifyToken;
      /** Without them the secret of deliveries is set. */
      readonly parameters?: ParameterStore;
      /** Other sources than those above. */
      readonly config?: HeadgateConfigInput;
      /** Without them nobody watches budgets. */
      readonly budgets?: (world: PushWorld) => Budgets;
    } = {},
  ) {
    const { config, sources } = options.config === undefined ? DECLARED : compile(options.config);
    this.sources = sources;
    this.lag = createLagWatch(
      { ledger: this.ledger, clock: this.clock, telemetry: this.telemetry, random: () => 0.5 },
      toMs(config.ingest.maxLag),
    );
    this.bus = options.bus ?? this.#memoryBus;
    this.requests = options.requests ?? new MemoryRequestStore();
    const budgets = options.budgets?.(this);
    this.#handler = createHandler({
      ...(budgets && { budgets }),
      sources,
      busOf: createFrameBuses({
        stream: () => createMeteredBus(this.bus, { drain: this.drain, lag: this.lag }),
        frames: this.landing,
        lag: this.lag,
        ...(budgets && { budgets }),
        clock: this.clock,
        telemetry: this.telemetry,
        newToken: randomUUID,
      }),
      requests: this.requests,
      accepted: createAcceptedCounter({
        counts: this.ledger.counts,
        telemetry: this.telemetry,
        process: 'push-world',
      }),
      keys: this.keys,
      verifyToken:
        options.verifyToken ?? (() => Promise.resolve({ status: 'invalid', problem: 'it is none' })),
      verifyDelivery: createDeliveryVerifier({
        parameters:
          options.parameters ??
          new MemoryParameterStore({ values: { [HOOK_SECRET.parameter]: HOOK_SECRET.value } }),
        clock: this.clock,
        telemetry: this.telemetry,
      }),
      quota: createQuota({ store: new MemoryQuotaStore(), clock: this.clock, telemetry: this.telemetry }),
      backpressure: { lag: this.lag, drain: this.drain },
      logShare: config.logs.share,
      ledger: this.ledger,
      clock: this.clock,
      telemetry: this.telemetry,
    });
  }

  /** Makes a write key of a source. The same number makes the same key. */
  async createKey(source: string, number = 1): Promise<string> {
    const key = toWriteKey(source, new Uint8Array(32).fill(number));
    await this.keys.create({ hash: hashWriteKey(key), source, createdAtMs: this.clock.nowMs() });
    return key;
  }

  /** The records in all frames that were sent. */
  sent(): string[] {
    return this.#memoryBus.frames().flatMap(({ bytes }) => {
      const frame = readFrame(bytes);
      return Array.from({ length: frame.count }, (_, i) => recordBytes(frame, i).toString());
    });
  }

  /** Ids of all frames that were sent. */
  frameIds(): string[] {
    return this.#memoryBus.frames().map(({ bytes }) => readFrame(bytes).header.frameId);
  }

  /** Hands an event to the handler. */
  async handle(event: APIGatewayProxyEventV2, context: Context): Promise<APIGatewayProxyStructuredResultV2> {
    return await this.#handler(event, context);
  }

  /** Calls the handler as API Gateway does. Without a header for it, the source's own key is sent. */
  async send(options: PushRequestOptions = {}): Promise<Answer> {
    const source = options.source ?? 'orders';
    const { body } = options;
    const headers: Record<string, string | undefined> = {
      authorization: `Bearer ${toWriteKey(source, new Uint8Array(32).fill(1))}`,
      'content-type': 'application/json',
      ...options.headers,
    };
    const event = {
      version: '2.0',
      routeKey: options.route ?? 'POST /v1/sources/{source}/records',
      rawPath: '/',
      rawQueryString: '',
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
      queryStringParameters: options.query,
      pathParameters: { source },
      requestContext: { authorizer: options.authorizer },
      isBase64Encoded: typeof body !== 'string' && body !== undefined,
      body: typeof body === 'string' || body === undefined ? body : Buffer.from(body).toString('base64'),
    } as unknown as APIGatewayProxyEventV2;
    const context = {
      awsRequestId: 'request-1',
      getRemainingTimeInMillis: () => options.remainingMs ?? 25_000,
    } as unknown as Context;
    const result = await this.handle(event, context);
    return {
      status: result.statusCode ?? 0,
      headers: result.headers ?? {},
      body: JSON.parse(result.body ?? 'null') as Answer['body'],
    };
  }
}

/** A world in which every pushed source has its key. */
export async function createPushWorld(
  options: ConstructorParameters<typeof PushWorld>[0] = {},
): Promise<PushWorld> {
  const world = new PushWorld(options);
  for (const source of ['orders', 'strict', 'tiny', 'once', 'batched', 'spilling', 'minor'])
    await world.createKey(source);
  return world;
}
