import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyFormatOf } from '../../../lambdas/push/body-format.ts';
import { checkCloudEvent, toCloudEvent } from '../../../lambdas/push/cloud-events.ts';
import { HttpProblem } from '../../../lambdas/middleware/problems.ts';
import { createPushWorld } from '../../support/push-world.ts';

const EVENT = { specversion: '1.0', id: 'A-1', source: '/shop/eu', type: 'shop.order.paid' };
const HEADERS = {
  'ce-specversion': '1.0',
  'ce-id': 'A-1',
  'ce-source': '/shop/eu',
  'ce-type': 'shop.order.paid',
};

const toText = (headers: Record<string, string>, body: string | Buffer = ''): string =>
  toCloudEvent(headers, Buffer.from(body)).toString();
const toEvent = (headers: Record<string, string>, body: string | Buffer = ''): unknown =>
  JSON.parse(toText(headers, body));
const problemOf = (run: () => unknown): HttpProblem => {
  try {
    run();
  } catch (error) {
    if (error instanceof HttpProblem) return error;
    throw error;
  }
  throw new Error('no problem was thrown');
};
const fieldsOf = (event: unknown): string[] =>
  checkCloudEvent(Buffer.from(JSON.stringify(event))).map(({ field }) => field);

describe('a request in binary mode', () => {
  test('becomes the event of the JSON format: attributes from headers, JSON data byte for byte', () => {
    const body = '{ "amount": 1.50,\n "n": 12345678901234567890 }';
    expect(toText({ ...HEADERS, 'content-type': 'application/json; charset=utf-8' }, body)).toBe(
      '{"id":"A-1","source":"/shop/eu","specversion":"1.0","type":"shop.order.paid",' +
        `"datacontenttype":"application/json; charset=utf-8","data":${body}}`,
    );
  });

  test('keeps extension attributes, and no other header', () => {
    expect(toEvent({ ...HEADERS, 'ce-traceparent': '00-1-2-01', 'user-agent': 'x' })).toEqual({
      ...EVENT,
      traceparent: '00-1-2-01',
    });
  });

  test.each([
    ['application/json', '[1]', { data: [1] }],
    ['application/vnd.shop.order+json', '{"a":1}', { data: { a: 1 } }],
    ['APPLICATION/JSON', 'null', { data: null }],
    ['text/plain', 'grüezi', { data: 'grüezi' }],
    ['application/octet-stream', 'abc', { data_base64: 'YWJj' }],
    ['application/xml', '<a/>', { data_base64: 'PGEvPg==' }],
  ])('of type %s holds its data as the JSON format says', (contentType, body, data) => {
    expect(toEvent({ ...HEADERS, 'content-type': contentType }, body)).toEqual({
      ...EVENT,
      datacontenttype: contentType,
      ...data,
    });
  });

  test('text that is not UTF-8 is kept as bytes', () => {
    expect(toEvent({ ...HEADERS, 'content-type': 'text/plain' }, Buffer.from([0xff]))).toMatchObject({
      data_base64: '/w==',
    });
  });

  test.each(['utf-16', 'ISO-8859-1', '"utf-16le"'])(
    'text that is said to be %s is kept as bytes',
    (charset) => {
      const contentType = `text/plain; format=flowed; charset=${charset}`;
      expect(toEvent({ ...HEADERS, 'content-type': contentType }, 'a\u0000')).toMatchObject({
        data_base64: 'YQA=',
      });
    },
  );

  test.each(['utf-8', '"UTF-8"', 'us-ascii'])('text that is said to be %s is text', (charset) => {
    const contentType = `Text/plain; charset=${charset}`;
    expect(toEvent({ ...HEADERS, 'content-type': contentType }, 'ab')).toMatchObject({ data: 'ab' });
  });

  test('without a body it has no data, and without a Content-Type its data are bytes', () => {
    expect(toEvent({ ...HEADERS, 'content-type': 'application/json' })).toEqual({
      ...EVENT,
      datacontenttype: 'application/json',
    });
    expect(toEvent(HEADERS, '{}')).toEqual({ ...EVENT, data_base64: 'e30=' });
  });

  test('JSON data cannot break out of its member', () => {
    for (const body of ['1},"id":"B"', '1,"id":"B"', '{', '1 2']) {
      const run = () => toEvent({ ...HEADERS, 'content-type': 'application/json' }, body);
      expect(problemOf(run).problem).toBe('malformed-body');
    }
  });

  test('is the same event whatever the order of its headers', () => {
    const reversed = Object.fromEntries(Object.entries(HEADERS).reverse());
    expect(toText(reversed)).toBe(toText(HEADERS));
  });

  test.each([
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['%e2%82%ac', '€'],
    ['%41', 'A'],
    ['%2541', '%41'],
    ['100% sure', '100% sure'],
    ['"a \\"b\\" c"', 'a "b" c'],
    ['"50%25"', '50%'],
    ['a"b', 'a"b'],
  ])('the header value %s is unquoted and percent-decoded once', (value, expected) => {
    expect(toEvent({ ...HEADERS, 'ce-subject': value })).toMatchObject({ subject: expected });
  });

  test.each([
    ['ce-subject', '%C0%A0'],
    ['ce-subject', '%ff'],
    ['ce-subject', 'a%0D%0Ab'],
    ['ce-subject', 'ü'],
    ['ce-my-attribute', 'x'],
    ['ce-data', '{}'],
    ['ce-data_base64', 'AA=='],
    ['ce-datacontenttype', 'text/plain'],
    ['ce-__proto__', 'x'],
    ['ce-', 'x'],
  ])('the header %s: %s is refused by its name', (header, value) => {
    const problem = problemOf(() => toEvent({ ...HEADERS, [header]: value }));
    expect(problem.problem).toBe('bad-cloud-event');
    expect(problem.message).toContain(`${header}: `);
  });

  test('any text survives the way that the binding prescribes', () => {
    // eslint-disable-next-line no-control-regex -- no string of a CloudEvent holds these
    const forbidden = /[\u0000-\u001f\u007f-\u009f\p{Noncharacter_Code_Point}\p{Surrogate}]/u;
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !forbidden.test(value));
    fc.assert(
      fc.property(text, (value) => {
        const encoded = [...Buffer.from(value)]
          .map((byte) =>
            byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x25
              ? String.fromCharCode(byte)
              : `%${byte.toString(16).padStart(2, '0')}`,
          )
          .join('');
        expect(toEvent({ ...HEADERS, 'ce-subject': encoded })).toEqual({ ...EVENT, subject: value });
      }),
    );
  });
});

describe('a CloudEvent', () => {
  test('needs its four attributes, whatever else it has', () => {
    expect(fieldsOf(EVENT)).toEqual([]);
    expect(fieldsOf({ ...EVENT, data: { any: 'thing' }, extension: 5, subject: null })).toEqual([]);
    for (const name of Object.keys(EVENT)) {
      for (const value of [undefined, null, '', 5, {}])
        expect(fieldsOf({ ...EVENT, [name]: value })).toEqual([name]);
    }
  });

  test.each([
    ['specversion', '0.3'],
    ['specversion', '1.0.2'],
    ['source', 'not a uri'],
    ['source', '/a\u0001'],
    ['source', '/ä'],
    ['subject', ''],
    ['datacontenttype', ''],
    ['dataschema', 'relative'],
    ['time', '2026-03-01'],
    ['time', 1_700_000_000],
    ['data_base64', 5],
    ['data_base64', '%%%'],
    ['data_base64', 'AA'],
    ['data_base64', 'AA==AA=='],
    ['data_base64', 'A==='],
  ])('%s cannot be %j', (name, value) => {
    expect(fieldsOf({ ...EVENT, [name]: value })).toEqual([name]);
  });

  test.each(['urn:shop', 'https://shop.example/eu?a=1#b', '/eu', 'shop', 'mailto:a@example.com', '%20'])(
    'may come from %s',
    (source) => {
      expect(fieldsOf({ ...EVENT, source })).toEqual([]);
    },
  );

  test('has its data once', () => {
    expect(fieldsOf({ ...EVENT, data: 1, data_base64: 'AA==' })).toEqual(['data_base64']);
    expect(fieldsOf({ ...EVENT, data: null, data_base64: 'AA==' })).toEqual(['data_base64']);
    expect(fieldsOf({ ...EVENT, data: 1, data_base64: null })).toEqual([]);
    for (const text of ['', 'AA==', 'AAA=', 'ab+/'])
      expect(fieldsOf({ ...EVENT, data_base64: text })).toEqual([]);
  });
});

describe('the format of a body', () => {
  test.each([
    [{ 'content-type': 'application/cloudevents+json; charset=UTF-8' }, 'cloud-event'],
    [{ 'content-type': 'application/cloudevents-batch+json' }, 'cloud-event-batch'],
    [{ 'content-type': 'application/cloudevents+json', ...HEADERS }, 'cloud-event'],
    [{ 'content-type': 'application/json', ...HEADERS }, 'binary-cloud-event'],
    [{ 'content-type': 'image/png', 'ce-id': '1' }, 'binary-cloud-event'],
    [HEADERS, 'binary-cloud-event'],
    [{ 'content-type': 'application/json', 'ce-other': '1' }, 'json'],
  ])('of %j is %s', (headers, format) => {
    expect(bodyFormatOf(headers)).toBe(format);
  });

  test('an event format that is not JSON is refused, with the headers of binary mode too', () => {
    const run = () => bodyFormatOf({ 'content-type': 'application/cloudevents+avro', ...HEADERS });
    expect(problemOf(run).problem).toBe('unsupported-media-type');
  });
});

describe('the push API', () => {
  const structured = { 'content-type': 'application/cloudevents+json' };
  const batched = { 'content-type': 'application/cloudevents-batch+json' };

  test('stores a structured event byte for byte', async () => {
    const world = await createPushWorld();
    const body = JSON.stringify({ ...EVENT, data: { amount: 5 } }, null, 2);
    expect((await world.send({ body, headers: structured })).status).toBe(202);
    expect(world.sent()).toEqual([body]);
  });

  test('stores the good events of a batch and says what is wrong with the others', async () => {
    const world = await createPushWorld();
    const broken = { ...EVENT, type: undefined };
    const body = JSON.stringify([EVENT, broken, { ...EVENT, id: 'A-2' }]);
    const answer = await world.send({ body, headers: batched });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 2, rejected: 1 });
    expect(answer.body.results).toEqual([
      {
        index: 1,
        status: 'rejected',
        error: { field: 'type', rule: 'cloud-event', message: expect.stringContaining('type') as string },
      },
    ]);
    expect(world.sent()).toEqual([JSON.stringify(EVENT), JSON.stringify({ ...EVENT, id: 'A-2' })]);
  });

  test('stores an event in binary mode as its JSON', async () => {
    const world = await createPushWorld();
    const headers = { ...HEADERS, 'content-type': 'application/json', 'ce-subject': 'gr%C3%BCezi' };
    const answer = await world.send({ body: '{"amount":5}', headers });
    expect(answer.status).toBe(202);
    expect(world.sent().map((record) => JSON.parse(record) as unknown)).toEqual([
      { ...EVENT, subject: 'grüezi', datacontenttype: 'application/json', data: { amount: 5 } },
    ]);
  });

  test('an event without a required header is rejected with the name of the attribute', async () => {
    const world = await createPushWorld();
    const answer = await world.send({ body: '{}', headers: { ...HEADERS, 'ce-type': undefined } });
    expect(answer.status).toBe(422);
    expect(answer.body.results[0]?.error).toMatchObject({ field: 'type', rule: 'cloud-event' });
    expect(world.sent()).toEqual([]);
  });

  test('another event under the same Idempotency-Key is another payload, though only headers differ', async () => {
    const world = await createPushWorld();
    const send = (id: string) =>
      world.send({ body: '{}', headers: { ...HEADERS, 'ce-id': id, 'idempotency-key': 'k' } });
    expect((await send('1')).status).toBe(202);
    expect((await send('1')).headers['idempotent-replayed']).toBe('true');
    expect((await send('2')).status).toBe(422);
  });

  test.each([
    [structured, JSON.stringify([EVENT])],
    [batched, JSON.stringify(EVENT)],
    [structured, '"text"'],
    [batched, '[]'],
    [batched, `[${JSON.stringify(EVENT)},{]`],
    [structured, ''],
  ])('%j with the body %s is refused as a whole', async (headers, body) => {
    const world = await createPushWorld();
    const answer = await world.send({ body, headers });
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('urn:headgate:problem:malformed-body');
    expect(world.sent()).toEqual([]);
  });

  test('events may come as text or as base64, with white space or a byte order mark before them', async () => {
    const world = await createPushWorld();
    const body = `\ufeff${' '.repeat(100)}${JSON.stringify(EVENT)}`;
    expect((await world.send({ body, headers: structured })).status).toBe(202);
    expect((await world.send({ body: Buffer.from(body), headers: structured })).status).toBe(202);
  });
});
