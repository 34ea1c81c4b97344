import { gzipSync } from 'node:zlib';
import type { Context, KinesisStreamEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createHandler as createPullHandler } from '../../../lambdas/pull/create-handler.ts';
import { createHandler as createStreamHandler } from '../../../lambdas/stream/create-handler.ts';
import { EmfTelemetry } from '../../../shared/adapters/aws/emf-telemetry.ts';
import { createHttpPullSource } from '../../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../../shared/adapters/http/send-request.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryTokenStore } from '../../../shared/adapters/memory/memory-token-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { translateError as translateMySqlError } from '../../../shared/adapters/mysql/translate-error.ts';
import { translateError as translatePostgresError } from '../../../shared/adapters/postgres/translate-error.ts';
import type { FrameBus } from '../../../shared/ports/frame-bus.ts';
import type { Telemetry } from '../../../shared/ports/telemetry.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { landedLines } from '../../support/landed-lines.ts';
import { startLocalServer } from '../../support/local-server.ts';
import { createPullWorld } from '../../support/pull-world.ts';
import { createPushWorld } from '../../support/push-world.ts';
import { contextOf, createStreamWorld, declareClicks, kinesisRecord } from '../../support/stream-world.ts';

/*
 * What stands in bodies, headers, queries, keys, secrets and connection strings is never in a log, whatever goes wrong.
 * Each run plants a text that is nowhere else in all of these places.
 */

/** Long enough to be nowhere by chance. */
const canaries = fc.stringMatching(/^[a-z]{8}$/).map((text) => `canary-${text}`);
const TRACED = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };

/** Telemetry that writes its lines, as functions do, into a list. */
function writeTo(lines: string[], clock: ConstructorParameters<typeof EmfTelemetry>[0]['clock']): Telemetry {
  return new EmfTelemetry({ lane: 'test', clock, write: (line) => void lines.push(line) });
}

/** Fails if a line has the canary, in any upper or lower case, plain or encoded. */
function expectSilence(lines: readonly string[], canary: string): void {
  const forms = [
    canary,
    Buffer.from(canary).toString('base64').slice(0, 12),
    Buffer.from(canary).toString('hex'),
  ];
  const told = lines.filter((line) => forms.some((form) => line.toLowerCase().includes(form.toLowerCase())));
  expect(told).toEqual([]);
}

/** Texts of bodies with the canary in every place that a body has. */
const bodiesOf = (canary: string): readonly string[] => [
  JSON.stringify({ id: canary }),
  JSON.stringify({ id: 'a', [canary]: 1 }),
  JSON.stringify({ id: 'a', amount: canary, at: canary, count: canary, big: canary }),
  JSON.stringify({ id: canary, customer: { name: { [canary]: canary } } }),
  `{"id":"${canary}`,
  `{"id":${canary}}`,
  `[{"id":"${canary}"},{"id":"${canary}","amount":1},${canary}]`,
  `{"id":"a"}\n${canary}\n{"id":"${canary}","id":1}`,
  canary,
  '',
];

describe('push', () => {
  const routes = fc.constantFrom(
    'POST /v1/sources/{source}/records',
    'POST /v1/sources/{source}/validate',
    'GET /v1/sources/{source}/schema',
    'POST /v1/webhooks/{source}',
    'GET /v1/nothing',
  );
  const sources = fc.constantFrom(
    'orders',
    'strict',
    'tiny',
    'once',
    'batched',
    'spilling',
    'tokens',
    'hooks',
  );
  const types = fc.constantFrom(
    'application/json',
    'application/x-ndjson',
    'application/cloudevents+json',
    'text/plain',
  );
  const failures = fc.constantFrom('none', 'refused', 'throws', 'blocked', 'requests', 'parameters');

  /** A bus that fails in a way of its own. */
  function busOf(failure: string): FrameBus {
    if (failure === 'refused') return new MemoryFrameBus({ refuse: () => 'the stream is throttled' });
    if (failure === 'throws') return { send: () => Promise.reject(new Error('a bug')) };
    if (failure === 'blocked')
      return { send: () => Promise.reject(new BlockedError('STREAM_REFUSED', 'the stream is denied')) };
    return new MemoryFrameBus();
  }

  test('no log line has anything of a request but its ids', async () => {
    let lines = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({ canary: canaries, route: routes, source: sources, type: types, failure: failures }),
        fc.nat(9),
        fc.constantFrom(undefined, 'gzip', 'lie'),
        async ({ canary, route, source, type, failure }, at, encoding) => {
          const down = (): Promise<never> =>
            Promise.reject(new TransientError('AWS_UNAVAILABLE', 'no answer'));
          const world = await createPushWorld({
            bus: busOf(failure),
            ...(failure === 'requests' && { requests: { begin: down, complete: down, release: down } }),
            ...(failure === 'parameters' && {
              parameters: { read: down } as unknown as MemoryParameterStore,
            }),
            verifyToken: down,
          });
          const text = bodiesOf(canary)[at] ?? '';
          const [body, headers] =
            encoding === undefined
              ? [text, {}]
              : [encoding === 'gzip' ? gzipSync(text) : Buffer.from(text), { 'content-encoding': 'gzip' }];
          for (const [i, own] of [
            {},
            { authorization: `Bearer ${canary}` },
            { authorization: `Basic ${Buffer.from(`${canary}:`).toString('base64')}` },
            { 'idempotency-key': `"${canary}"` },
          ].entries()) {
            await world.send({
              source: i === 0 || at % 2 === 0 ? source : canary,
              route,
              body,
              headers: {
                ...TRACED,
                'content-type': type,
                ...headers,
                'x-request-id': `is ${canary}`,
                'x-other': canary,
                cookie: `a=${canary}`,
                'ce-id': canary,
                'ce-source': canary,
                'webhook-id': canary,
                'webhook-timestamp': '1',
                'webhook-signature': `v1,${canary}`,
                origin: `https://${canary}.example.com`,
                ...own,
              },
              query: at % 3 === 0 ? { [canary]: canary } : at % 3 === 1 ? { verbose: canary } : {},
            });
          }
          lines += world.telemetry.logs.length;
          expectSilence(
            world.telemetry.logs.map((line) => JSON.stringify(line)),
            canary,
          );
        },
      ),
      { numRuns: 400 },
    );
    // It does write something: requests that were stored, and failures.
    expect(lines).toBeGreaterThan(50);
  });
});

describe('the engine', () => {
  const schema = {
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'string' },
      amount: { type: 'number' },
      at: { type: 'string', format: 'date-time' },
    },
  };
  const failures = fc.constantFrom('none', 'ledger', 'claims', 'lake', 'tables');

  test('no log line has anything of a record, whatever becomes of it', async () => {
    let lines = 0;
    await fc.assert(
      fc.asyncProperty(
        canaries,
        fc.array(fc.nat(9), { minLength: 1, maxLength: 6 }),
        failures,
        async (canary, chosen, failure) => {
          const world = createStreamWorld({ config: declareClicks({ contract: { schema } }) });
          const written: string[] = [];
          const { deps } = world;
          const denied = new BlockedError('ACCESS_DENIED', 'denied');
          if (failure === 'ledger') vi.spyOn(deps.ledger, 'read').mockRejectedValue(denied);
          if (failure === 'claims') vi.spyOn(deps.claimLog, 'read').mockRejectedValue(denied);
          if (failure === 'lake') vi.spyOn(deps.lake, 'putIfAbsent').mockRejectedValue(denied);
          if (failure === 'tables') vi.spyOn(deps.tables, 'writeRows').mockRejectedValue(new Error('a bug'));
          const handler = createStreamHandler({ ...deps, telemetry: writeTo(written, deps.clock) });
          const texts = chosen.map((at) => bodiesOf(canary)[at] ?? '').flatMap((text) => text.split('\n'));
          const Records = texts.map((text, i) => ({
            ...kinesisRecord(String(100 + i), text),
            eventSourceARN: kinesisRecord('1', '').eventSourceARN,
          }));
          for (const record of Records) record.kinesis.partitionKey = canary;
          const event: KinesisStreamEvent = { Records };
          await handler(event, contextOf(60_000)).catch(() => undefined);
          lines += written.length;
          expectSilence(written, canary);
        },
      ),
      { numRuns: 300 },
    );
    expect(lines).toBeGreaterThan(300);
  });
});

describe('pull', () => {
  type Change = (canary: string) => {
    readonly status?: number;
    readonly type?: string;
    readonly body: string;
  };
  const ok = (body: unknown): { body: string } => ({ body: JSON.stringify(body) });
  const answers: readonly Change[] = [
    (canary) => ok([{ id: 1, version: 1, ts: 1, body: canary }]),
    (canary) => ok([{ id: canary, version: canary, ts: canary, body: 1 }]),
    // Names of fields are told: an answer without records is mended by them.
    (canary) => ok({ data: canary, more: [canary] }),
    (canary) => ({ body: `[{"id":"${canary}` }),
    (canary) => ({ type: 'text/html', body: `<p>${canary}</p>` }),
    (canary) => ({ status: 401, body: canary }),
    (canary) => ({ status: 404, body: canary }),
    (canary) => ({ status: 429, body: canary }),
    (canary) => ({ status: 500, body: canary }),
    (canary) => ({ status: 302, body: canary }),
  ];
  const answerOf = (at: number, canary: string): ReturnType<Change> =>
    (answers[at] ?? (() => ok([])))(canary);
  const configs: readonly ((origin: string) => Partial<HttpSourceInput>)[] = [
    () => ({ headers: { authorization: { parameter: '/secret' } } }),
    () => ({ url: { parameter: '/url' } }),
    () => ({
      auth: { type: 'basic', username: { parameter: '/secret' }, password: { parameter: '/secret' } },
    }),
    () => ({ incremental: { cursor: 'body', parameter: 'since', initialValue: 'a' } }),
    () => ({ incremental: { cursor: 'ts', parameter: 'since', initialValue: '0' } }),
    () => ({ paginator: { type: 'cursor', parameter: 'after', path: 'data' }, recordsPath: 'rows' }),
    () => ({ paginator: { type: 'next-url', path: 'data' }, recordsPath: 'rows' }),
    (origin) => ({
      url: `${origin}/parents/{parent.body}/items`,
      parent: { url: `${origin}/parents`, key: 'id', include: { body: 'body' } },
      errorHandler: [{ status: [404], action: 'ignore' }],
    }),
    (origin) => ({
      auth: {
        type: 'oauth2-client-credentials',
        tokenUrl: `${origin}/token`,
        clientId: 'headgate',
        clientSecret: { parameter: '/secret' },
      },
    }),
  ];

  test('no log line has anything of an answer, a secret or an address of a record', async () => {
    let lines = 0;
    const sender = createHttpSender();
    let answer: (url: URL) => ReturnType<Change> = () => ({ body: '[]' });
    const server = await startLocalServer(({ url }, response) => {
      const { status = 200, type = 'application/json', body } = answer(url);
      response
        .writeHead(status, { 'content-type': type, 'retry-after': '3600', location: `/${body}` })
        .end(body);
    });
    try {
      await fc.assert(
        fc.asyncProperty(
          canaries,
          fc.nat(answers.length - 1),
          fc.nat(configs.length - 1),
          fc.nat(answers.length - 1),
          async (canary, at, configAt, secondAt) => {
            let asked = 0;
            answer = (url) =>
              url.pathname === '/parents'
                ? ok([{ id: 1, body: secondAt === 0 ? '..' : `${canary}/..` }])
                : answerOf(++asked === 1 ? at : secondAt, canary);
            const source = declareHttp({
              url: `${server.origin}/items`,
              allowPrivateNetwork: true,
              ...configs[configAt]?.(server.origin),
            });
            const world = createPullWorld([source]);
            const { clock } = world;
            const written: string[] = [];
            const telemetry = writeTo(written, clock);
            const values = { '/secret': canary, '/url': `${server.origin}/${canary}/items?key=${canary}` };
            const handler = createPullHandler({
              ...world.deps,
              telemetry,
              control: new MemoryPullControlStore(),
              queue: new MemoryWorkQueue({ clock }),
              schedule: new MemoryPollSchedule(),
              stage: new MemoryBatchStage(),
              openSource: () =>
                createHttpPullSource({
                  source,
                  sender,
                  tokens: new MemoryTokenStore(),
                  parameters: new MemoryParameterStore({ values }),
                  clock,
                  telemetry,
                  random: () => 0.5,
                }),
              landedKeys: landedLines(world.lake),
              openObjects: () => {
                throw new Error('no objects here');
              },
            });
            const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 900_000 } as Context;
            for (let run = 0; run < 2; run++)
              await handler({ source: 'items' }, context).catch(() => undefined);
            lines += written.length;
            expectSilence(written, canary);
          },
        ),
        { numRuns: 300 },
      );
    } finally {
      sender.close();
      await server.stop();
    }
    expect(lines).toBeGreaterThan(300);
  });
});

describe('databases', () => {
  test('no error that is logged has a value of a row or a secret that the driver put into its own', () => {
    fc.assert(
      fc.property(
        canaries,
        fc.constantFrom(
          '22P02',
          '23505',
          '28P01',
          '08006',
          '57014',
          'XX000',
          'ECONNREFUSED',
          'CERT_HAS_EXPIRED',
        ),
        fc.constantFrom(1045, 1064, 1205, 1264, 1292, 1366, 2006, 3159),
        (canary, code, errno) => {
          const cause = Object.assign(
            new Error(`invalid input "${canary}" of postgres://reader:${canary}@db/x`),
            {
              code,
              errno,
              detail: `Key (id)=(${canary}) is wrong`,
              where: canary,
            },
          );
          const place = { address: 'db:1', user: 'reader', relation: 'the table orders' };
          for (const translate of [translatePostgresError, translateMySqlError]) {
            const { message, code: ours, stack } = translate(cause, place);
            expectSilence([JSON.stringify({ message, code: ours, stack })], canary);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
