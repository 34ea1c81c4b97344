import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryRequestStore } from '../../../shared/adapters/memory/memory-request-store.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { problemTypeOf } from '../../../shared/domain/problems.ts';
import { hashWriteKey, toWriteKey } from '../../../shared/domain/write-key.ts';
import { createPushWorld, ORDER_SCHEMA, type Answer } from '../../support/push-world.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const VALIDATE = 'POST /v1/sources/{source}/validate';

describe('who may write', () => {
  test('an unknown source is 404, also when it is one that is not pushed', async () => {
    const world = await createPushWorld();
    for (const source of ['nothing', 'feed', '__proto__', 'constructor']) {
      const answer = await world.send({ source, body: '{"id":"a"}' });
      expect(answer).toMatchObject({ status: 404, body: { type: problemTypeOf('unknown-source') } });
    }
  });

  test('no key, a key that is none and a key that does not exist are 401 with a challenge', async () => {
    const world = await createPushWorld();
    const unknown = toWriteKey('orders', new Uint8Array(32).fill(99));
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer nonsense',
      'Bearer a b',
      `Token ${unknown}`,
      `Bearer ${unknown}`,
    ]) {
      const answer = await world.send({ body: '{"id":"a"}', headers: { authorization } });
      expect(answer).toMatchObject({ status: 401, body: { type: problemTypeOf('unauthorized') } });
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expect(world.sent()).toEqual([]);
  });

  test("another source's key is 403", async () => {
    const world = await createPushWorld();
    const key = await world.createKey('strict', 7);
    const answer = await world.send({ body: '{"id":"a"}', headers: { authorization: `Bearer ${key}` } });
    expect(answer).toMatchObject({ status: 403, body: { type: problemTypeOf('forbidden') } });
  });

  test('Basic takes the key as user name, with and without a password', async () => {
    const world = await createPushWorld();
    const key = await world.createKey('orders', 2);
    for (const user of [key, `${key}:`, `${key}:anything`]) {
      const authorization = `Basic ${Buffer.from(user).toString('base64')}`;
      expect((await world.send({ body: '{"id":"a"}', headers: { authorization } })).status).toBe(202);
    }
  });

  test('a revoked key works for a minute at most, a new one at most 5 seconds after it was tried too early', async () => {
    const world = await createPushWorld();
    const key = toWriteKey('orders', new Uint8Array(32).fill(3));
    const request = { body: '{"id":"a"}', headers: { authorization: `Bearer ${key}` } };
    expect((await world.send(request)).status).toBe(401);
    await world.createKey('orders', 3);
    world.clock.advance(5_001);
    expect((await world.send(request)).status).toBe(202);
    await world.keys.revoke('orders', hashWriteKey(key));
    expect((await world.send(request)).status).toBe(202);
    world.clock.advance(60_001);
    expect((await world.send(request)).status).toBe(401);
  });

  test('no answer repeats the key that was sent', async () => {
    const world = await createPushWorld();
    const key = toWriteKey('orders', new Uint8Array(32).fill(42));
    const answer = await world.send({ body: '{"id":"a"}', headers: { authorization: `Bearer ${key}` } });
    expect(JSON.stringify(answer)).not.toContain(key);
    expect(JSON.stringify(world.telemetry.logs)).not.toContain(key);
  });
});

describe('bodies', () => {
  test('an object, an array and lines are accepted, with their original bytes', async () => {
    const world = await createPushWorld();
    await world.send({ body: ' { "id" : "a" } ' });
    await world.send({ body: '[ {"id":"b"} ,\n{"id":"c", "amount": 1.50}]' });
    await world.send({ body: '\ufeff{"id":"d"}\r\n\n  {"id":"e"}  \n', headers: NDJSON });
    expect(world.sent()).toEqual([
      '{ "id" : "a" }',
      '{"id":"b"}',
      '{"id":"c", "amount": 1.50}',
      '{"id":"d"}',
      '{"id":"e"}',
    ]);
  });

  test('gzip and zstd are decompressed; any other encoding is 415', async () => {
    const world = await createPushWorld();
    const compressed = { gzip: gzipSync('{"id":"g"}'), zstd: zstdCompressSync('{"id":"z"}') };
    for (const [encoding, body] of Object.entries(compressed)) {
      const answer = await world.send({ body, headers: { ...NDJSON, 'content-encoding': encoding } });
      expect(answer).toMatchObject({ status: 202, body: { accepted: 1 } });
    }
    for (const encoding of ['br', 'deflate', 'gzip, gzip']) {
      const answer = await world.send({ body: gzipSync('{}'), headers: { 'content-encoding': encoding } });
      expect(answer).toMatchObject({ status: 415, body: { type: problemTypeOf('unsupported-encoding') } });
    }
    expect(world.sent()).toEqual(['{"id":"g"}', '{"id":"z"}']);
  });

  test.each([
    ['no type', undefined],
    ['text', 'text/plain'],
    ['another charset', 'application/json; charset=latin1'],
    ['a name of Object.prototype', 'constructor'],
  ])('%s is 415', async (_name, contentType) => {
    const world = await createPushWorld();
    const answer = await world.send({ body: '{"id":"a"}', headers: { 'content-type': contentType } });
    expect(answer).toMatchObject({ status: 415, body: { type: problemTypeOf('unsupported-media-type') } });
  });

  test('charset=utf-8 is fine', async () => {
    const world = await createPushWorld();
    const headers = { 'content-type': 'application/json; charset="UTF-8"' };
    expect((await world.send({ body: '{"id":"a"}', headers })).status).toBe(202);
  });

  const line = '{"id":"a"}\n';
  const gzip = gzipSync(line);
  const damaged = Buffer.from(gzip);
  damaged.writeUInt32LE(1, gzip.length - 8);
  test.each([
    ['two gzip members', 'gzip', Buffer.concat([gzip, gzip])],
    ['bytes after gzip', 'gzip', Buffer.concat([gzip, Buffer.from('xx')])],
    ['a cut gzip trailer', 'gzip', gzip.subarray(0, -3)],
    ['cut gzip data', 'gzip', gzip.subarray(0, 14)],
    ['a wrong gzip checksum', 'gzip', damaged],
    ['text that is called gzip', 'gzip', Buffer.from(line)],
    ['nothing that is called gzip', 'gzip', Buffer.alloc(0)],
    ['two zstd frames', 'zstd', Buffer.concat([zstdCompressSync(line), zstdCompressSync(line)])],
    ['bytes after zstd', 'zstd', Buffer.concat([zstdCompressSync(line), Buffer.from('xx')])],
    ['cut zstd', 'zstd', zstdCompressSync(line).subarray(0, -2)],
    ['text that is called zstd', 'zstd', Buffer.from(line)],
  ])('%s is 400', async (_name, encoding, body) => {
    const world = await createPushWorld();
    const answer = await world.send({ body, headers: { ...NDJSON, 'content-encoding': encoding } });
    expect(answer).toMatchObject({ status: 400, body: { type: problemTypeOf('malformed-body') } });
    expect(world.sent()).toEqual([]);
  });

  test('a gzip header with name, comment, extra field and checksum is understood', async () => {
    const head = Buffer.from([0x1f, 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3]);
    const fields = Buffer.concat([
      Buffer.from([3, 0, 1, 2, 3]),
      Buffer.from('name\0comment\0'),
      Buffer.from([9, 9]),
    ]);
    const body = Buffer.concat([head, fields, gzip.subarray(10)]);
    const world = await createPushWorld();
    const answer = await world.send({ body, headers: { ...NDJSON, 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(202);
  });

  test('a compressed body that API Gateway passed as text is 400 and says what to do', async () => {
    const world = await createPushWorld();
    const answer = await world.send({ body: gzip.toString('utf8'), headers: { 'content-encoding': 'gzip' } });
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('application/x-ndjson') as unknown },
    });
  });

  test.each(['gzip', 'zstd'])('a %s bomb is cut off at the limit', async (encoding) => {
    const zeros = Buffer.alloc(256 * 1024 * 1024);
    const body = encoding === 'gzip' ? gzipSync(zeros) : zstdCompressSync(zeros);
    const world = await createPushWorld();
    const before = process.memoryUsage().rss;
    const answer = await world.send({ body, headers: { ...NDJSON, 'content-encoding': encoding } });
    expect(answer).toMatchObject({
      status: 413,
      body: { type: problemTypeOf('too-large'), maxBytes: 50_000_000 },
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  test('each limit is 413 and is named', async () => {
    const world = await createPushWorld();
    const tiny = { source: 'tiny' };
    const large = await world.send({ ...tiny, body: `{"id":"${'x'.repeat(5000)}"}` });
    expect(large).toMatchObject({ status: 413, body: { maxBytes: 4096 } });
    const inflated = await world.send({
      ...tiny,
      body: gzipSync(' '.repeat(65_537)),
      headers: { ...NDJSON, 'content-encoding': 'gzip' },
    });
    expect(inflated).toMatchObject({ status: 413, body: { maxBytes: 65_536 } });
    for (const [body, headers] of [
      [`[${Array(11).fill('{"id":"a"}').join(',')}]`, {}],
      ['{"id":"a"}\n'.repeat(11), NDJSON],
    ] as const) {
      const many = await world.send({ ...tiny, body, headers });
      expect(many).toMatchObject({ status: 413, body: { maxRecords: 10 } });
    }
    expect(world.sent()).toEqual([]);
  });

  test.each([
    ['nothing', undefined],
    ['white space', ' \n '],
    ['an empty array', '[]'],
    ['a number', '5'],
    ['text', '"x"'],
    ['an open object', '{"id":"a"'],
    ['an open array', '[{"id":"a"}'],
    ['an open array after a comma', '[{"id":"a"},'],
    ['a comma too many', '[{"id":"a"},]'],
    ['a comma missing', '[{"id":"a"}{"id":"b"}]'],
    ['text after the array', '[{"id":"a"}] x'],
    ['text after the object', '{"id":"a"} x'],
    ['two objects', '{"id":"a"}{"id":"b"}'],
    ['a broken element among good ones', '[{"id":"a"},{"id":b},{"id":"c"}]'],
    ['single quotes', "{'id':'a'}"],
    ['a bracket that does not fit', '[{"id":"a"]]'],
    ['a line break in a text', '{"id":"a\nb"}'],
    ['NaN', '{"id":"a","amount":NaN}'],
  ])('JSON that is %s is 400 and nothing of it is stored', async (_name, body) => {
    const world = await createPushWorld();
    const answer = await world.send({ body });
    expect(answer).toMatchObject({ status: 400, body: { type: problemTypeOf('malformed-body') } });
    expect(world.sent()).toEqual([]);
  });

  test('a malformed line is rejected alone', async () => {
    const world = await createPushWorld();
    const body = '{"id":"a"}\n{"id":\n[{"id":"x"}]\n7\n{"id":"b"}\n';
    const answer = await world.send({ body, headers: NDJSON });
    expect(answer).toMatchObject({ status: 202, body: { accepted: 2, rejected: 3 } });
    expect(answer.body.results.map((r) => [r.index, r.error?.rule])).toEqual([
      [1, 'json'],
      [2, 'type'],
      [3, 'type'],
    ]);
    expect(world.sent()).toEqual(['{"id":"a"}', '{"id":"b"}']);
  });

  test('invalid UTF-8 rejects a line alone and a JSON body as a whole', async () => {
    const world = await createPushWorld();
    const bad = Buffer.from('{"id":"\xff"}', 'latin1');
    const body = Buffer.concat([Buffer.from('{"id":"a"}\n'), bad]);
    const lines = await world.send({ body, headers: NDJSON });
    expect(lines).toMatchObject({
      status: 202,
      body: { accepted: 1, rejected: 1, results: [{ error: { rule: 'utf8' } }] },
    });
    expect(await world.send({ body: bad })).toMatchObject({ status: 400 });
    expect(world.sent()).toEqual(['{"id":"a"}']);
  });
});

describe('records', () => {
  test('the good records of a request are accepted beside bad ones, each with its field and rule', async () => {
    const world = await createPushWorld();
    const records = [
      '{"id":"good"}',
      '{"id":"good"}',
      '{"amount":1}',
      '{"id":"a","count":"7"}',
      '{"id":"a","amount":12345678901234567890}',
      `{"id":"a","x":${'['.repeat(64)}${']'.repeat(64)}}`,
      '{"id":"a","__proto__":{"admin":true}}',
      '{"id":"a","id":"b"}',
      '{"id":"a","customer":{"name":"\\ud800"}}',
    ];
    const answer = await world.send({ body: records.join('\n'), headers: NDJSON });
    expect(answer).toMatchObject({
      status: 202,
      body: { accepted: 1, duplicates: 1, quarantined: 7, rejected: 0 },
    });
    const shown = answer.body.results.map((r) => [r.index, r.status, r.error?.field, r.error?.rule]);
    expect(shown).toEqual([
      [1, 'duplicate', undefined, undefined],
      [2, 'quarantined', 'id', 'required'],
      [3, 'quarantined', 'count', 'type'],
      [4, 'quarantined', 'amount', 'precision'],
      [5, 'quarantined', '', 'depth'],
      [6, 'quarantined', '', 'proto'],
      [7, 'quarantined', 'id', 'duplicate-key'],
      [8, 'quarantined', 'customer.name', 'surrogate'],
    ]);
    expect(world.sent()).toEqual(records);
  });

  test('a record that is too long is rejected alone', async () => {
    const world = await createPushWorld();
    const body = `{"id":"a"}\n{"id":"${'x'.repeat(1024)}"}`;
    const answer = await world.send({ source: 'tiny', body, headers: NDJSON });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        accepted: 1,
        rejected: 1,
        results: [{ index: 1, status: 'rejected', error: { rule: 'record-size' } }],
      },
    });
  });

  test('when every record is rejected the answer is 422 with the same results', async () => {
    const world = await createPushWorld();
    const body = '{"id":5}\n{"id":"a","extra":1}';
    const answer = await world.send({ source: 'strict', body, headers: NDJSON });
    expect(answer).toMatchObject({
      status: 422,
      headers: { 'content-type': 'application/problem+json' },
      body: {
        type: problemTypeOf('all-records-rejected'),
        accepted: 0,
        rejected: 2,
        results: [
          { index: 0, error: { field: 'id', rule: 'type' } },
          { index: 1, id: 'a', error: { field: 'extra', rule: 'unknown-field' } },
        ],
      },
    });
    expect(world.sent()).toEqual([]);
  });

  test('results list what is not plainly accepted, and everything with ?verbose', async () => {
    const world = await createPushWorld();
    const body = '[{"id":"a"},{"id":"b"}]';
    expect((await world.send({ body })).body.results).toEqual([]);
    expect((await world.send({ body, query: { verbose: '' } })).body.results).toEqual([
      { index: 0, id: 'a', status: 'accepted' },
      { index: 1, id: 'b', status: 'accepted' },
    ]);
  });

  test('10,000 bad records with long names give an answer that a function can return', async () => {
    const world = await createPushWorld();
    const record = JSON.stringify({ id: '\u0001'.repeat(300), ['\u0001'.repeat(300)]: 1, count: 'x' });
    const body = gzipSync(`${record}\n`.repeat(10_000));
    const answer = await world.send({
      source: 'strict',
      body,
      headers: { ...NDJSON, 'content-encoding': 'gzip' },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.results).toHaveLength(10_000);
    expect(JSON.stringify(answer.body).length).toBeLessThan(5_000_000);
  });

  test('counters say what was received, accepted and rejected', async () => {
    const world = await createPushWorld();
    await world.send({ body: '{"id":"a"}\n{"id":1}\nx', headers: NDJSON });
    const { telemetry } = world;
    const total = (metric: Parameters<typeof telemetry.total>[0]): number =>
      telemetry.total(metric, 'orders');
    expect(
      ['Requests', 'RecordsReceived', 'RecordsAccepted', 'RecordsRejected', 'BytesReceived'].map((m) =>
        total(m as never),
      ),
    ).toEqual([1, 3, 2, 1, 21]);
    expect(telemetry.flushes).toBe(1);
  });
});

describe('Idempotency-Key', () => {
  const once = { body: '{"id":"a"}', headers: { 'idempotency-key': '"k-1"' } };

  test('a repeated request gets the first answer and is not sent again, quoted or not', async () => {
    const world = await createPushWorld();
    const first = await world.send({ ...once, query: { verbose: '' } });
    for (const key of ['"k-1"', 'k-1']) {
      const again = await world.send({ ...once, headers: { 'idempotency-key': key } });
      expect(again.body).toEqual(first.body);
      expect(again.headers['idempotent-replayed']).toBe('true');
    }
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(world.sent()).toHaveLength(1);
  });

  test('the same payload under another compression is the same payload', async () => {
    const world = await createPushWorld();
    const headers = { ...NDJSON, 'idempotency-key': 'k' };
    await world.send({ body: '{"id":"a"}', headers });
    const again = await world.send({
      body: gzipSync('{"id":"a"}'),
      headers: { ...headers, 'content-encoding': 'gzip' },
    });
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('another payload under the same key is 422; the same key of another source is another key', async () => {
    const world = await createPushWorld();
    await world.send(once);
    expect(await world.send({ ...once, body: '{"id":"b"}' })).toMatchObject({
      status: 422,
      body: { type: problemTypeOf('idempotency-key-reused') },
    });
    expect((await world.send({ ...once, source: 'strict', body: '{"id":"b"}' })).status).toBe(202);
  });

  test('while the first is running a second is 409 with Retry-After', async () => {
    const inner = new MemoryFrameBus();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const world = await createPushWorld({
      bus: {
        send: async (frames) => {
          await gate;
          return inner.send(frames);
        },
      },
    });
    const first = world.send(once);
    const second = await world.send(once);
    expect(second).toMatchObject({ status: 409, body: { type: problemTypeOf('request-in-progress') } });
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    release();
    expect((await first).status).toBe(202);
    expect(inner.frames()).toHaveLength(1);
  });

  test('a request that stored nothing or not all is forgotten, and its repetition has the same frame', async () => {
    let refusing = true;
    const inner = new MemoryFrameBus();
    const ids: string[] = [];
    const world = await createPushWorld({
      bus: {
        send: (frames) => {
          ids.push(...frames.map(({ partitionKey }) => partitionKey));
          return refusing
            ? Promise.resolve({
                durable: [],
                places: [],
                refused: frames.map((_, i) => i),
                error: 'throttled',
              })
            : inner.send(frames);
        },
      },
    });
    expect((await world.send(once)).status).toBe(503);
    refusing = false;
    expect(await world.send(once)).toMatchObject({ status: 202, body: { accepted: 1 } });
    expect(ids[0]).toBe(ids[1]);
    expect((await world.send({ body: '{bad', headers: { 'idempotency-key': 'k2' } })).status).toBe(400);
    expect((await world.send({ body: '{"id":"z"}', headers: { 'idempotency-key': 'k2' } })).status).toBe(202);
  });

  test('without a key two equal requests have two frames', async () => {
    const world = await createPushWorld();
    await world.send({ body: '{"id":"a"}' });
    await world.send({ body: '{"id":"a"}' });
    expect(new Set(world.frameIds()).size).toBe(2);
  });

  test.each(['', '""', '"a', 'a b', 'a"b', '"é"', 'é', `"${'x'.repeat(256)}"`, 'x'.repeat(256)])(
    'the key %j is 400',
    async (key) => {
      const world = await createPushWorld();
      const answer = await world.send({ body: '{"id":"a"}', headers: { 'idempotency-key': key } });
      expect(answer).toMatchObject({ status: 400, body: { type: problemTypeOf('bad-idempotency-key') } });
    },
  );

  test('a source that requires a key refuses requests without one, before anything is stored', async () => {
    const world = await createPushWorld();
    const body = '{"id":"a"}';
    const answer = await world.send({ source: 'once', body });
    expect(answer).toMatchObject({ status: 400, body: { type: problemTypeOf('bad-idempotency-key') } });
    expect(answer.body.detail).toContain('requires an Idempotency-Key');
    expect(world.sent()).toEqual([]);
    const accepted = await world.send({ source: 'once', body, headers: { 'idempotency-key': '"1"' } });
    expect(accepted.status).toBe(202);
  });

  test('senders with identities of their own do not use up the keys of each other', async () => {
    const world = await createPushWorld({
      verifyToken: (_rules, token) =>
        Promise.resolve({ status: 'valid', issuer: 'https://login.example.com/', subject: token }),
    });
    const send = (subject: string, id: string): Promise<Answer> =>
      world.send({
        source: 'tokens',
        body: `{"id":"${id}"}`,
        headers: { authorization: `Bearer ${subject}`, 'idempotency-key': '"order-1"' },
      });
    expect((await send('a.a.a', '1')).status).toBe(202);
    expect((await send('b.b.b', '2')).status).toBe(202);
    expect((await send('a.a.a', '2')).status).toBe(422);
    expect((await send('b.b.b', '2')).headers['idempotent-replayed']).toBe('true');
  });

  test('when the answer cannot be remembered it is still given', async () => {
    const inner = new MemoryRequestStore();
    const world = await createPushWorld({
      requests: {
        begin: (claim) => inner.begin(claim),
        complete: () => Promise.reject(new TransientError('THROTTLED', 'slow down')),
        release: (claim) => inner.release(claim),
      },
    });
    expect((await world.send(once)).status).toBe(202);
    expect(world.telemetry.logs).toMatchObject([{ level: 'warn' }]);
  });
});

describe('failures on our side', () => {
  test('a request of which one frame was refused is 503 with Retry-After and leaks no reason', async () => {
    const world = await createPushWorld({
      bus: {
        send: () =>
          Promise.resolve({
            durable: [],
            places: [],
            refused: [0],
            error: 'stream secret-name is throttled',
          }),
      },
    });
    const answer = await world.send({ body: '{"id":"a"}' });
    expect(answer).toMatchObject({
      status: 503,
      body: { type: problemTypeOf('temporary-reduced-capacity') },
    });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.stringify(answer)).not.toContain('secret-name');
    expect(world.telemetry.total('Errors', 'orders')).toBe(1);
    expect(world.telemetry.total('RecordsAccepted', 'orders')).toBe(0);
  });

  test('an unexpected error is 500 and is logged', async () => {
    const world = await createPushWorld({ bus: { send: () => Promise.reject(new Error('a bug')) } });
    const answer = await world.send({ body: '{"id":"a"}' });
    expect(answer).toMatchObject({
      status: 500,
      body: { type: problemTypeOf('internal-error'), requestId: 'request-1' },
    });
    expect(JSON.stringify(answer)).not.toContain('a bug');
    expect(world.telemetry.logs).toMatchObject([{ level: 'error', message: 'a bug' }]);
  });

  test('a request is not begun when there is no time to send it', async () => {
    const world = await createPushWorld();
    const answer = await world.send({ body: '{"id":"a"}', remainingMs: 5_000 });
    expect(answer).toMatchObject({
      status: 503,
      body: { type: problemTypeOf('temporary-reduced-capacity') },
    });
    expect(world.sent()).toEqual([]);
  });
});

describe('the other endpoints', () => {
  test('validate answers like records and stores nothing', async () => {
    const world = await createPushWorld();
    const answer = await world.send({ route: VALIDATE, body: '[{"id":"a"},{"id":7}]' });
    expect(answer).toMatchObject({ status: 200, body: { accepted: 1, quarantined: 1 } });
    expect((await world.send({ route: VALIDATE, body: '{' })).status).toBe(400);
    expect(
      (await world.send({ route: VALIDATE, body: '{}', headers: { authorization: undefined } })).status,
    ).toBe(401);
    expect(world.sent()).toEqual([]);
  });

  test('schema gives the contract and its version', async () => {
    const world = await createPushWorld();
    const answer = await world.send({ route: 'GET /v1/sources/{source}/schema' });
    const version = world.sources.get('orders')?.contract.version;
    expect(answer).toMatchObject({
      status: 200,
      headers: { etag: `"${version ?? ''}"` },
      body: { source: 'orders', version, schema: ORDER_SCHEMA },
    });
  });

  test('health needs no key; anything else is 404', async () => {
    const world = await createPushWorld();
    const headers = { authorization: undefined };
    expect(await world.send({ route: 'GET /v1/health', headers })).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    expect((await world.send({ route: '$default', headers })).status).toBe(404);
    expect((await world.send({ route: 'toString', headers })).status).toBe(404);
  });
});
