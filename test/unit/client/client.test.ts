import { describe, expect, test, vi } from 'vitest';
import type { ClientOptions } from '../../../clients/typescript/src/client-options.ts';
import type { Client } from '../../../clients/typescript/src/client.ts';
import { createClientIn } from '../../../clients/typescript/src/create-client.ts';
import { DeliveryError } from '../../../clients/typescript/src/delivery-error.ts';
import type { RequestEvent } from '../../../clients/typescript/src/request-event.ts';
import { webEnvironment } from '../../../clients/typescript/src/environment.ts';
import type { UndeliveredRecord } from '../../../clients/typescript/src/record-result.ts';
import { acceptAll, answerOf, ClientWorld, problemOf, type FakeRequest } from '../../support/client-world.ts';

interface Rig {
  readonly world: ClientWorld;
  readonly client: Client;
  readonly undelivered: UndeliveredRecord[];
  readonly events: RequestEvent[];
}

type Serve = (request: FakeRequest, world: ClientWorld) => Response | Promise<Response>;

function createRig(serve: Serve = acceptAll, options: Partial<ClientOptions> = {}, changes = {}): Rig {
  const world = new ClientWorld(serve, changes);
  const undelivered: UndeliveredRecord[] = [];
  const events: RequestEvent[] = [];
  const client = createClientIn(world.environment, {
    url: 'https://api.example.com/',
    source: 'orders',
    key: 'hg_key',
    onUndelivered: (records) => undelivered.push(...records),
    onRequest: (event) => events.push(event),
    ...options,
  });
  return { world, client, undelivered, events };
}

/** Answers in turn, then accepts everything. */
function inTurn(...answers: readonly (Response | Error)[]): Serve {
  const left = [...answers];
  return (request) => {
    const next = left.shift();
    if (next instanceof Error) throw next;
    return next ?? acceptAll(request);
  };
}

const never = (): Promise<Response> => new Promise(() => undefined);
const numbered = (count: number): { n: number }[] => Array.from({ length: count }, (_, n) => ({ n }));
const sizes = ({ world }: Rig): number[] => world.requests.map(({ lines }) => lines.length);

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const error = await promise.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (error instanceof DeliveryError) return error;
  throw new Error(`expected a DeliveryError and got ${String(error)}`);
}

describe('a request', () => {
  test('posts lines to the records of the source with the key and an Idempotency-Key', async () => {
    const rig = createRig();
    await rig.world.until(rig.client.send([{ a: 'ü' }, '{"b":\n9007199254740993}']));
    expect(rig.world.requests[0]).toMatchObject({
      url: 'https://api.example.com/v1/sources/orders/records',
      lines: ['{"a":"ü"}', '{"b": 9007199254740993}'],
      headers: { authorization: 'Bearer hg_key', 'content-type': 'application/x-ndjson' },
    });
    expect(rig.world.requests[0]?.headers['idempotency-key']).toMatch(/^"[\w-]+"$/);
  });

  test('asks for a token each time', async () => {
    let calls = 0;
    const token = (): Promise<string> => Promise.resolve(`jwt-${String(++calls)}`);
    const rig = createRig(inTurn(problemOf(503, 'temporary-reduced-capacity')), { key: undefined, token });
    await rig.world.until(rig.client.send({ n: 1 }));
    expect(rig.world.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer jwt-1',
      'Bearer jwt-2',
    ]);
  });

  test('is tried again when there is no token for now', async () => {
    let calls = 0;
    const token = (): string => {
      if (++calls === 1) throw new Error('the issuer is away');
      return 'jwt';
    };
    const rig = createRig(acceptAll, { key: undefined, token });
    await rig.world.until(rig.client.send({ n: 1 }));
    expect(rig.events.map(({ outcome }) => outcome)).toEqual(['retry', 'answered']);
  });

  test('whose token does not come is given up like one that is not answered', async () => {
    const token = (): Promise<string> => new Promise(() => undefined);
    const rig = createRig(acceptAll, { key: undefined, token, requestTimeoutMs: 100, maxRetryTimeMs: 150 });
    rig.world.random = 0;
    await rig.client.push({ n: 1 });
    await rig.world.until(rig.client.flush());
    expect(rig.undelivered).toMatchObject([{ result: { failure: { code: 'gave-up', mayBeStored: false } } }]);
    await rig.client.push({ n: 2 });
    const startMs = rig.world.nowMs;
    await rig.world.until(rig.client.close({ timeoutMs: 30 }));
    expect(rig.world.nowMs).toBe(startMs + 30);
    expect(rig.undelivered[1]).toMatchObject({ result: { failure: { code: 'closed', mayBeStored: false } } });
    expect(rig.world.requests).toEqual([]);
  });

  test('is not made with a token that fetch would complain of, and quote', async () => {
    const rig = createRig(acceptAll, { key: undefined, token: () => 'jwt\nsecret', maxRetryTimeMs: 0 });
    await rig.client.push({ n: 1 });
    await rig.world.until(rig.client.flush());
    expect(rig.world.requests).toEqual([]);
    expect(rig.undelivered).toMatchObject([{ result: { failure: { code: 'gave-up', mayBeStored: false } } }]);
    expect(JSON.stringify([rig.undelivered, rig.events])).not.toContain('secret');
  });

  test('is not made any more when the client is closed while its body is compressed', async () => {
    let compressed: (bytes: Uint8Array<ArrayBuffer>) => void = () => undefined;
    const gzip = (): Promise<Uint8Array<ArrayBuffer>> => new Promise((resolve) => (compressed = resolve));
    const rig = createRig(acceptAll, {}, { gzip });
    await rig.client.push({ text: 'x'.repeat(1000) });
    const closed = rig.client.close({ timeoutMs: 30 });
    await rig.world.advance(30);
    compressed(new Uint8Array(10));
    await rig.world.until(closed);
    expect(rig.world.requests).toEqual([]);
    expect(rig.undelivered).toMatchObject([{ result: { failure: { code: 'closed', mayBeStored: false } } }]);
  });

  test('is compressed when it gets smaller by it', async () => {
    const { gzip } = webEnvironment();
    const bodies: FakeRequest[] = [];
    const serve = (request: FakeRequest): Response => {
      bodies.push(request);
      return answerOf([{ status: 'accepted' }]);
    };
    const rig = createRig(serve, {}, { gzip });
    await rig.client.send({ text: 'long '.repeat(500) });
    await rig.client.send({ text: 'short' });
    expect(bodies.map(({ headers }) => headers['content-encoding'])).toEqual(['gzip', undefined]);
    const unzipped = new Response(bodies[0]?.body as Uint8Array<ArrayBuffer>).body?.pipeThrough(
      new DecompressionStream('gzip'),
    );
    expect(await new Response(unzipped).text()).toBe(`{"text":"${'long '.repeat(500)}"}\n`);
  });

  test('is sent as it is when compression fails, or is not wanted', async () => {
    const broken = { gzip: () => Promise.reject(new Error('no')) };
    const works = { gzip: () => Promise.resolve(new Uint8Array(1)) };
    for (const [options, changes] of [
      [{}, broken],
      [{ gzip: 'never' as const }, works],
    ] as const) {
      const rig = createRig(acceptAll, options, changes);
      await rig.world.until(rig.client.send({ text: 'long '.repeat(500) }));
      expect(rig.world.requests[0]?.headers).not.toHaveProperty('content-encoding');
    }
  });
});

describe('batches', () => {
  test('leave when they have enough records', async () => {
    const rig = createRig(acceptAll, { maxBatchRecords: 10 });
    await rig.client.push(numbered(25));
    await rig.world.settle();
    expect(sizes(rig)).toEqual([10, 10]);
  });

  test('leave when they have enough bytes, and are not larger than that', async () => {
    const rig = createRig(acceptAll, { maxBatchBytes: 50 });
    await rig.client.push(Array.from({ length: 9 }, () => ({ t: '12345678901' })));
    await rig.world.settle();
    expect(sizes(rig)).toEqual([2, 2, 2, 2]);
    for (const { body } of rig.world.requests) expect(body.length).toBeLessThanOrEqual(50);
  });

  test('leave when their first record has waited long enough', async () => {
    const rig = createRig(acceptAll, { maxBatchDelayMs: 200 });
    await rig.client.push({ n: 1 });
    await rig.world.advance(150);
    await rig.client.push({ n: 2 });
    expect(sizes(rig)).toEqual([]);
    await rig.world.advance(50);
    expect(sizes(rig)).toEqual([2]);
  });

  test('hold a record alone that is larger than they are', async () => {
    const rig = createRig(acceptAll, { maxBatchBytes: 20 });
    await rig.client.push([{ n: 1 }, { text: 'x'.repeat(100) }, { n: 2 }]);
    await rig.world.until(rig.client.flush());
    expect(sizes(rig)).toEqual([1, 1, 1]);
  });

  test('of records that are sent leave at once, with what was pushed before', async () => {
    const rig = createRig();
    await rig.client.push({ n: 1 });
    await rig.world.until(Promise.all([rig.client.send({ n: 2 }), rig.client.send([{ n: 3 }, { n: 4 }])]));
    expect(sizes(rig)).toEqual([4]);
    expect(rig.world.nowMs).toBe(0);
  });

  test('collect what is sent while all requests are taken', async () => {
    const rig = createRig(
      async (request, world) => {
        await world.sleep(100);
        return acceptAll(request);
      },
      { maxInFlight: 1 },
    );
    const first = rig.client.send({ n: 0 });
    await rig.world.settle();
    const others = numbered(5).map((record) => rig.client.send(record));
    await rig.world.until(Promise.all([first, ...others]));
    expect(sizes(rig)).toEqual([1, 5]);
  });

  test('with a key of the caller leave alone, as one request, in their order', async () => {
    const rig = createRig(acceptAll, { maxBatchRecords: 2, maxInFlight: 1 });
    const sent = [
      rig.client.send({ n: 'before' }),
      rig.client.send(numbered(5), { idempotencyKey: 'file-7' }),
      rig.client.send({ n: 'after' }),
    ];
    await rig.world.until(Promise.all(sent));
    expect(sizes(rig)).toEqual([1, 5, 1]);
    expect(rig.world.requests[1]?.idempotencyKey).toBe('file-7');
  });

  test('are so many at a time', async () => {
    const rig = createRig(never, { maxBatchRecords: 1, maxInFlight: 3 });
    await rig.client.push(numbered(10));
    await rig.world.settle();
    expect(sizes(rig)).toHaveLength(3);
  });

  test('arrive in order where that is asked for, whatever happens to one of them', async () => {
    const arrived: string[] = [];
    const answers = inTurn(new TypeError('reset'), problemOf(413, 'too-large'), problemOf(503, 'busy'));
    const rig = createRig(
      async (request, world) => {
        await world.sleep(10);
        const answer = await answers(request, world);
        if (answer.ok) arrived.push(...request.lines);
        return answer;
      },
      { ordered: true, maxBatchRecords: 4 },
    );
    await rig.client.push(numbered(20));
    await rig.world.until(rig.client.flush());
    expect(arrived).toEqual(numbered(20).map((record) => JSON.stringify(record)));
  });
});

describe('results', () => {
  test('belong to the records that they are of, across batches', async () => {
    const rig = createRig(
      ({ lines }) =>
        answerOf(
          lines.map((line) => {
            const { n } = JSON.parse(line) as { n: number };
            if (n % 5 === 0) return { status: 'quarantined', id: String(n), rule: 'type' };
            return { status: n % 3 === 0 ? 'duplicate' : 'accepted' };
          }),
        ),
      { maxBatchRecords: 7 },
    );
    const results = await rig.world.until(rig.client.send(numbered(20)));
    const statuses = results.map(({ status }) => status);
    expect(statuses).toEqual(
      numbered(20).map(({ n }) => (n % 5 === 0 ? 'quarantined' : n % 3 === 0 ? 'duplicate' : 'accepted')),
    );
    expect(results[10]).toEqual({ status: 'quarantined', id: '10', error: { rule: 'type' } });
    expect(rig.client.stats()).toMatchObject({
      accepted: 11,
      duplicates: 5,
      quarantined: 4,
      pendingRecords: 0,
    });
  });

  test('are an error when a record was rejected, which has all of them', async () => {
    const rig = createRig(({ lines }) =>
      answerOf(
        lines.map((line) => ({ status: line === 'not json' ? 'rejected' : 'accepted', rule: 'json' })),
      ),
    );
    const error = await failureOf(rig.world.until(rig.client.send([{ n: 1 }, 'not json'])));
    expect(error.results.map(({ status }) => status)).toEqual(['accepted', 'rejected']);
    expect(error.message).toBe(
      '1 of 2 records were not delivered; the first: the server has rejected it: json',
    );
    expect(rig.undelivered).toEqual([]);
  });

  test('of an answer in which all are rejected (422) are those of the records', async () => {
    const rig = createRig(({ lines }) =>
      answerOf(lines.map(() => ({ status: 'rejected', rule: 'required' }))),
    );
    await rig.client.push([{ n: 1 }, { n: 2 }]);
    await rig.world.until(rig.client.flush());
    expect(rig.undelivered.map(({ record, result }) => [record, result.status])).toEqual([
      [{ n: 1 }, 'rejected'],
      [{ n: 2 }, 'rejected'],
    ]);
  });

  test.each([
    ['a page of a proxy', () => new Response('<html>login</html>')],
    ['an empty answer', () => new Response(null, { status: 204 })],
    ['too few records', () => answerOf([{ status: 'accepted' }])],
    [
      'counts of more records',
      () => Response.json({ accepted: 2, duplicates: 1, quarantined: 0, rejected: 0, results: [] }),
    ],
    ['JSON that is not an object', () => Response.json([1])],
    [
      'counts without their results',
      () => Response.json({ accepted: 1, duplicates: 0, quarantined: 0, rejected: 1, results: [] }),
    ],
    [
      'a result of a record that was not sent',
      () =>
        Response.json({
          accepted: 1,
          duplicates: 1,
          quarantined: 0,
          rejected: 0,
          results: [{ index: 7, status: 'duplicate' }],
        }),
    ],
    [
      'a status that is unknown',
      () =>
        Response.json({
          accepted: 1,
          duplicates: 1,
          quarantined: 0,
          rejected: 0,
          results: [{ index: 0, status: 'lost' }],
        }),
    ],
  ])('are never taken from %s: the request is tried again', async (_, answer) => {
    const rig = createRig(inTurn(answer()));
    await rig.world.until(rig.client.send([{ n: 1 }, { n: 2 }]));
    expect(rig.events.map(({ outcome }) => outcome)).toEqual(['retry', 'answered']);
  });
});

describe('retries', () => {
  test.each([408, 409, 425, 429, 500, 502, 503, 504, 520])(
    'follow a %d, with the same bytes and the same key',
    async (status) => {
      const rig = createRig(inTurn(problemOf(status, 'x'), problemOf(status, 'x')));
      await rig.world.until(rig.client.send({ n: 1 }));
      const [first, ...others] = rig.world.requests;
      expect(others).toHaveLength(2);
      for (const other of others) {
        expect(other.idempotencyKey).toBe(first?.idempotencyKey);
        expect(other.body).toEqual(first?.body);
      }
    },
  );

  test('follow a broken connection and a missing answer', async () => {
    const serve = inTurn(new TypeError('fetch failed', { cause: new Error('ECONNRESET') }));
    const rig = createRig(
      (request, world) => (world.requests.length === 2 ? never() : serve(request, world)),
      {
        requestTimeoutMs: 700,
      },
    );
    await rig.world.until(rig.client.send({ n: 1 }));
    expect(rig.events.map(({ message }) => message)).toEqual([
      'the request failed: fetch failed (ECONNRESET)',
      'the request failed: there was no answer within 700 ms',
      undefined,
    ]);
  });

  test.each([
    ['7', 7000],
    ['0.5', 500],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9000],
  ])('wait as long as Retry-After (%s) asks, and a little longer', async (header, waitMs) => {
    const rig = createRig(inTurn(problemOf(503, 'busy', { 'retry-after': header })));
    await rig.world.until(rig.client.send({ n: 1 }));
    expect(rig.world.nowMs).toBe(waitMs + 250);
  });

  test.each(['soon', '-1', ''])('wait as without it where Retry-After is %o', async (header) => {
    const rig = createRig(inTurn(problemOf(503, 'busy', { 'retry-after': header })));
    await rig.world.until(rig.client.send({ n: 1 }));
    expect(rig.world.nowMs).toBe(500);
  });

  test('wait longer each time, with full jitter, and never longer than half a minute', async () => {
    const rig = createRig(() => problemOf(500, 'x'), { maxRetryTimeMs: 10_000_000 });
    rig.world.random = 0.999;
    const sent = failureOf(rig.client.send({ n: 1 }));
    await rig.world.advance(200_000);
    const waits = rig.events.map(({ retryInMs }) => Math.round(retryInMs ?? 0));
    expect(waits.slice(0, 8)).toEqual([999, 1998, 3996, 7992, 15_984, 29_970, 29_970, 29_970]);
    await rig.world.until(rig.client.close({ timeoutMs: 0 }));
    await rig.world.until(sent);
  });

  test('hold back other requests while the server asks to wait', async () => {
    const rig = createRig(inTurn(problemOf(429, 'quota-exceeded', { 'retry-after': '10' })), {
      maxBatchRecords: 1,
    });
    await rig.client.push({ n: 1 });
    await rig.world.settle();
    await rig.client.push(numbered(3));
    await rig.world.advance(9000);
    expect(rig.world.requests).toHaveLength(1);
    await rig.world.until(rig.client.flush());
    expect(rig.client.stats().accepted).toBe(4);
  });

  test('end after maxRetryTimeMs, with a last attempt then', async () => {
    const rig = createRig(() => problemOf(503, 'busy', { 'retry-after': '3600' }), {
      maxRetryTimeMs: 60_000,
    });
    await rig.client.push({ n: 1 });
    await rig.world.until(rig.client.flush());
    expect(rig.world.nowMs).toBe(60_000);
    expect(rig.world.requests).toHaveLength(2);
    expect(rig.undelivered).toMatchObject([
      {
        record: { n: 1 },
        result: {
          status: 'undelivered',
          failure: { code: 'gave-up', httpStatus: 503, problem: 'busy', mayBeStored: true },
        },
      },
    ]);
  });

  test.each([
    [400, 'malformed-body'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'unknown-source'],
    [415, 'unsupported-media-type'],
    [422, 'idempotency-key-reused'],
  ])('never follow a %d', async (status, problem) => {
    const rig = createRig(() => problemOf(status, problem));
    const { results } = await failureOf(rig.world.until(rig.client.send({ n: 1 })));
    expect(rig.world.requests).toHaveLength(1);
    expect(results).toMatchObject([
      { failure: { code: 'refused', httpStatus: status, problem, mayBeStored: false } },
    ]);
  });

  test('are remembered: what is refused after a lost answer may be stored', async () => {
    const rig = createRig(inTurn(new TypeError('reset'), problemOf(401, 'unauthorized')));
    const { results } = await failureOf(rig.world.until(rig.client.send({ n: 1 })));
    expect(results).toMatchObject([{ failure: { code: 'refused', mayBeStored: true } }]);
  });

  test('of what is too large go in halves, and what is too large alone is told', async () => {
    const rig = createRig(({ lines, ...request }) =>
      lines.length > 2 || lines.includes('{"n":3}')
        ? problemOf(413, 'too-large')
        : acceptAll({ lines, ...request }),
    );
    const { results } = await failureOf(
      rig.world.until(rig.client.send(numbered(6), { idempotencyKey: 'job' })),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'undelivered',
      'accepted',
      'accepted',
    ]);
    expect(results[3]).toMatchObject({ failure: { code: 'too-large', httpStatus: 413, mayBeStored: false } });
    // The same records under the same key come in the same parts under the same keys.
    expect(rig.world.requests.map(({ idempotencyKey }) => idempotencyKey)).toEqual(
      ['', '.0', '.0.0', '.0.1', '.1', '.1.0', '.1.0.0', '.1.0.1', '.1.1'].map((part) => `job${part}`),
    );
  });
});

describe('the buffer', () => {
  test('makes push wait when it is full, until there is room', async () => {
    let answer: ((response: Response) => void) | undefined;
    const rig = createRig(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      { maxBufferedBytes: 30, maxInFlight: 1 },
    );
    await rig.client.push(numbered(3));
    let isBuffered = false;
    void rig.client.push({ n: 3 }).then(() => {
      isBuffered = true;
    });
    await rig.world.settle();
    expect([isBuffered, rig.client.stats().bufferedBytes]).toEqual([false, 24]);
    // Whoever waits sends what is buffered on its way, without delay.
    expect(sizes(rig)).toEqual([3]);
    answer?.(answerOf(numbered(3).map(() => ({ status: 'accepted' }))));
    await rig.world.settle();
    expect([isBuffered, rig.client.stats().bufferedBytes]).toEqual([true, 8]);
  });

  test('takes records in the order in which they wait', async () => {
    const rig = createRig(acceptAll, { maxBufferedBytes: 20, maxInFlight: 1, maxBatchRecords: 2 });
    const pushes = numbered(9).map((record) => rig.client.push(record));
    await rig.world.until(Promise.all(pushes));
    await rig.world.until(rig.client.flush());
    expect(rig.world.requests.flatMap(({ lines }) => lines)).toEqual(
      numbered(9).map((record) => JSON.stringify(record)),
    );
  });

  test('tells tryPush that it is full', async () => {
    const rig = createRig(never, { maxBufferedBytes: 20 });
    expect(rig.client.tryPush(numbered(2))).toBe(true);
    expect(rig.client.tryPush({ n: 3 })).toBe(false);
    expect(rig.client.stats().pendingRecords).toBe(2);
    await rig.world.settle();
  });

  test('refuses what never fits, and says so', async () => {
    const rig = createRig(acceptAll, { maxBufferedBytes: 20 });
    await rig.client.push({ text: 'x'.repeat(50) });
    await rig.world.settle();
    expect(rig.undelivered).toMatchObject([{ result: { failure: { code: 'too-large' } } }]);
    const { results } = await failureOf(rig.client.send(numbered(3), { idempotencyKey: 'k' }));
    expect(results.map((result) => result.status === 'undelivered' && result.failure.code)).toEqual([
      'too-large',
      'too-large',
      'too-large',
    ]);
  });

  test('takes a record as it is when it is pushed, whatever becomes of the object', async () => {
    const rig = createRig();
    const record = { n: 1 };
    const sent = rig.client.send(record);
    record.n = 2;
    await rig.world.until(sent);
    expect(rig.world.requests[0]?.lines).toEqual(['{"n":1}']);
  });
});

describe('records that cannot be sent', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const invalid = [circular, { big: 1n }, '', ' \n ', '\ud800', () => 1, [1], { toJSON: () => 'text' }];

  test('are told to onUndelivered, and the others are sent', async () => {
    const rig = createRig();
    // A list in a list is not a record.
    await rig.client.push([{ n: 1 }, ...invalid, { n: 2 }]);
    await rig.world.until(rig.client.flush());
    expect(rig.world.requests[0]?.lines).toEqual(['{"n":1}', '{"n":2}']);
    expect(rig.undelivered.map(({ record }) => record)).toEqual(invalid);
    for (const { result } of rig.undelivered) {
      expect(result).toMatchObject({
        status: 'undelivered',
        failure: { code: 'invalid-record', mayBeStored: false },
      });
    }
    expect(rig.client.stats()).toMatchObject({ undelivered: invalid.length, accepted: 2 });
  });

  test('have their places in the results of send', async () => {
    const rig = createRig();
    const { results } = await failureOf(rig.world.until(rig.client.send([{ n: 1 }, '', { n: 2 }])));
    expect(results.map(({ status }) => status)).toEqual(['accepted', 'undelivered', 'accepted']);
  });

  test('are told to the console when nobody asks, without the records', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const rig = createRig(() => problemOf(401, 'unauthorized'), { onUndelivered: undefined });
    await rig.client.push({ secret: 'hunter2' });
    await rig.world.until(rig.client.flush());
    expect(error).toHaveBeenCalledExactlyOnceWith(
      '@headgate/client: 1 records of "orders" were not delivered; the first: the server answered 401: it is unauthorized (set onUndelivered to keep them)',
    );
    error.mockRestore();
  });
});

describe('flush', () => {
  test('waits for what was pushed before, and for nothing else', async () => {
    const rig = createRig(async (request, world) => {
      if (request.lines.includes('{"late":true}')) await never();
      await world.sleep(50);
      return acceptAll(request);
    });
    await rig.client.push(numbered(3));
    const flushed = rig.client.flush();
    await rig.world.settle();
    await rig.client.push({ late: true });
    await rig.world.until(flushed);
    expect(rig.client.stats()).toMatchObject({ accepted: 3, pendingRecords: 1 });
  });

  test('is done at once when there is nothing to do', async () => {
    await createRig().client.flush();
  });

  test('of a page that goes away sends what it may before it returns, uncompressed, in requests that outlive it', () => {
    const gzip = (): Promise<never> => Promise.reject(new Error('must not be called'));
    const rig = createRig(never, {}, { gzip });
    const records = Array.from({ length: 100 }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
    void rig.client.push(records);
    void rig.client.flush({ keepalive: true });
    const keptAlive = rig.world.requests.filter(({ keepalive }) => keepalive);
    expect(keptAlive).toHaveLength(1);
    expect(keptAlive[0]?.lines.length).toBe(58);
    expect(keptAlive[0]?.body.length).toBeLessThanOrEqual(60_000);
  });

  test('of a page that goes away keeps the order: nothing passes a request that is on its way', async () => {
    const rig = createRig(never, { ordered: true, maxBatchRecords: 1 });
    await rig.client.push(numbered(3));
    await rig.world.settle();
    void rig.client.flush({ keepalive: true });
    expect(rig.world.requests.map(({ keepalive }) => keepalive)).toEqual([false]);
  });
});

describe('close', () => {
  test('sends what is buffered, then takes nothing more, and says so', async () => {
    const rig = createRig();
    await rig.client.push(numbered(3));
    await rig.world.until(rig.client.close());
    expect(rig.client.stats()).toMatchObject({ accepted: 3, pendingRecords: 0 });
    await rig.client.push({ n: 4 });
    expect(rig.client.tryPush({ n: 5 })).toBe(true);
    await rig.world.settle();
    expect(rig.undelivered.map(({ record }) => record)).toEqual([{ n: 4 }, { n: 5 }]);
    const { results } = await failureOf(rig.client.send({ n: 6 }));
    expect(results).toMatchObject([{ failure: { code: 'closed' } }]);
    expect(rig.world.isWaiting).toBe(false);
  });

  test('gives up what is not delivered in time: on its way, in the buffer and before it', async () => {
    const rig = createRig(never, { maxBufferedBytes: 24, maxBatchRecords: 1, maxInFlight: 1 });
    const pushes = numbered(5).map((record) => rig.client.push(record));
    await rig.world.settle();
    const closed = rig.client.close({ timeoutMs: 500 });
    expect(rig.client.close()).toBe(closed);
    await rig.world.until(closed);
    await rig.world.until(Promise.all(pushes));
    expect(rig.world.nowMs).toBe(500);
    const told = rig.undelivered.map(({ record, result }) => [
      (record as { n: number }).n,
      result.status === 'undelivered' && [result.failure.code, result.failure.mayBeStored],
    ]);
    expect(told.toSorted()).toEqual([
      [0, ['closed', true]],
      [1, ['closed', false]],
      [2, ['closed', false]],
      [3, ['closed', false]],
      [4, ['closed', false]],
    ]);
    expect(rig.client.stats()).toMatchObject({ undelivered: 5, pendingRecords: 0, bufferedBytes: 0 });
    expect(rig.world.isWaiting).toBe(false);
  });

  test('ends the wait for the next attempt', async () => {
    const rig = createRig(() => problemOf(503, 'busy', { 'retry-after': '100' }));
    await rig.client.push({ n: 1 });
    await rig.world.until(rig.client.close({ timeoutMs: 1500 }));
    expect(rig.world.nowMs).toBe(1500);
    expect(rig.world.requests).toHaveLength(1);
  });
});

describe("functions of the caller's", () => {
  test('see every attempt', async () => {
    const rig = createRig(
      inTurn(
        problemOf(503, 'busy', { 'retry-after': '1' }),
        answerOf([{ status: 'accepted' }], { 'idempotent-replayed': 'true' }),
      ),
    );
    await rig.world.until(rig.client.send({ n: 1 }, { idempotencyKey: 'k' }));
    const common = { idempotencyKey: 'k', records: 1, rawBytes: 8, sentBytes: 8, durationMs: 0 };
    expect(rig.events).toEqual([
      {
        ...common,
        attempt: 1,
        outcome: 'retry',
        httpStatus: 503,
        isReplay: false,
        message: 'the server answered 503: it is busy',
        retryInMs: 1250,
      },
      { ...common, attempt: 2, outcome: 'answered', httpStatus: 202, isReplay: true },
    ]);
  });
});

describe('options', () => {
  const environment = new ClientWorld(acceptAll).environment;

  test('are all checked, and all that is wrong is told at once', () => {
    expect(() =>
      createClientIn(environment, {
        url: 'api.example.com',
        source: 'Orders',
        maxBatchBytes: 0,
        maxRetryTimeMs: 1.5,
        maxInFlight: NaN,
        gzip: 'always' as 'auto',
      }),
    ).toThrow(
      new TypeError(
        [
          'the options of the client are wrong: url must be an http or https address without a user, such as "https://a1b2c3.execute-api.eu-west-1.amazonaws.com"',
          'source must be the name of a source, such as "orders"',
          'one of key and token is needed: a write key (`headgate keys create` makes one), or a JWT',
          'gzip must be "auto" or "never"',
          'maxBatchBytes must be a whole number of at least 1, and is 0',
          'maxInFlight must be a whole number of at least 1, and is NaN',
          'maxRetryTimeMs must be a whole number of at least 0, and is 1.5',
        ].join('; '),
      ),
    );
  });

  test.each([
    [{ key: 'two\nlines' }, 'key must be printable ASCII without spaces'],
    [{ key: '' }, 'key must be printable ASCII without spaces'],
    [{ token: 'curly”' }, 'token must be printable ASCII without spaces'],
    [{ key: 'k', url: 'https://me:pass@a.example.com' }, 'without a user'],
  ])('hold no secret that could get into the message of an error: %o', (secrets, problem) => {
    const options = { url: 'https://a.example.com', source: 'orders', ...secrets };
    expect(() => createClientIn(environment, options)).toThrow(problem);
  });

  test('may have times that are longer than timers can be', async () => {
    let calls = 0;
    const stop = webEnvironment().startTimer(() => calls++, 2 ** 31);
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop();
    expect(calls).toBe(0);
  });

  test('cannot have both a key and a token', () => {
    const options = { url: 'https://a.example.com', source: 'orders', key: 'k', token: 't' };
    expect(() => createClientIn(environment, options)).toThrow('one of key and token is needed');
  });

  test.each(['', 'a b', 'quo"te', 'x'.repeat(201)])(
    'of send: the key %o is refused',
    async (idempotencyKey) => {
      await expect(createRig().client.send({ n: 1 }, { idempotencyKey })).rejects.toThrow(TypeError);
    },
  );
});
