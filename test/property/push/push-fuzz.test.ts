import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkAnswer } from '../../support/check-answer.ts';
import { createPushWorld } from '../../support/push-world.ts';

const goodRecord = fc.string({ minLength: 1 }).map((id) => JSON.stringify({ id: id.toWellFormed() }));
const anyRecord = fc.oneof(
  goodRecord,
  fc.json({ maxDepth: 3 }),
  fc.string(),
  fc.constantFrom(
    '{"id":5}',
    '{"id":"e","specversion":"1.0","source":"/s","type":"t"}',
    '{"id":"e","specversion":"1.0","source":"/s","type":""}',
    '{"id":"a","id":"b"}',
    '{"id":"a","amount":1e999}',
    '{"__proto__":1}',
    '{}',
    '[]',
    '{',
  ),
);
const body = fc.oneof(
  fc.array(anyRecord).map((records) => Buffer.from(records.join('\n'))),
  fc.array(anyRecord).map((records) => Buffer.from(`[${records.join(',')}]`)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const encoded = fc
  .tuple(body, fc.constantFrom('none', 'gzip', 'zstd', 'lie'), fc.nat({ max: 50 }))
  .map(([bytes, how, cut]) => {
    if (how === 'none') return { bytes, encoding: undefined };
    if (how === 'lie') return { bytes, encoding: 'gzip' };
    const compressed = how === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes);
    return { bytes: cut < 40 ? compressed : compressed.subarray(0, -1 - (cut % 10)), encoding: how };
  });
const headers = fc.record(
  {
    'content-type': fc.oneof(
      fc.constantFrom(
        'application/json',
        'application/x-ndjson',
        'application/json;charset=utf-8',
        'application/jsonl',
        'application/cloudevents+json',
        'application/cloudevents-batch+json; charset=UTF-8',
        'application/cloudevents+avro',
        'application/octet-stream',
        'text/plain',
        '',
      ),
      fc.string(),
    ),
    'idempotency-key': fc.oneof(fc.constantFrom('"a"', 'a', 'b'), fc.string()),
    authorization: fc.oneof(fc.constant('Bearer x'), fc.string()),
  },
  { requiredKeys: ['content-type'] },
);
const attribute = fc.oneof(fc.constantFrom('1.0', '/s', 'a%20b', '"a"', '%ff', '%0d%0a', ''), fc.string());
/** Headers of CloudEvents in binary mode: sometimes all of the required ones, sometimes anything. */
const eventHeaders = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  fc
    .record({ 'ce-id': fc.uuid(), 'ce-subject': attribute })
    .map((some) => ({ 'ce-specversion': '1.0', 'ce-source': '/s', 'ce-type': 't', ...some })),
  fc.dictionary(fc.stringMatching(/^ce-[a-z_]{0,12}$/), attribute, { maxKeys: 4 }),
);
const query: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.dictionary(fc.constantFrom('verbose', 'wait', 'other'), fc.constantFrom('', 'true', 'false', 'x')),
);
const source = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('orders', 'strict', 'tiny') }, fc.string());
const route = fc.constantFrom('POST /v1/sources/{source}/records', 'POST /v1/sources/{source}/validate');

test('no request makes the API fail, and no 2xx leaves a record out', async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      source,
      route,
      encoded,
      fc.tuple(headers, eventHeaders).map((parts) => ({ ...parts[0], ...parts[1] })),
      query,
      fc.boolean(),
      async (name, path, { bytes, encoding }, more, flags, withKey) => {
        const world = await createPushWorld();
        const { authorization, ...others }: Record<string, string> = more;
        const answer = await world.send({
          source: name,
          route: path,
          body: bytes,
          query: flags,
          headers: {
            ...others,
            'content-encoding': encoding,
            ...(withKey || authorization === undefined ? {} : { authorization }),
          },
        });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expect(answer.status).toBeGreaterThanOrEqual(200);
        expect(answer.status).toBeLessThan(500);
        checkAnswer(path.endsWith('validate') ? 'validateRecords' : 'postRecords', answer);
        const { accepted, duplicates, quarantined, rejected, results } = answer.body;
        if (answer.status >= 300) {
          expect(answer.body.type).toMatch(/^(urn:headgate:problem:|https:\/\/iana)/);
          expect(answer.body.detail).toBeTruthy();
          expect(world.sent()).toEqual([]);
          return;
        }
        const kept = accepted + duplicates + quarantined;
        expect(kept).toBeGreaterThan(0);
        const isVerbose = flags['verbose'] === '' || flags['verbose'] === 'true';
        expect(results).toHaveLength(duplicates + quarantined + rejected + (isVerbose ? accepted : 0));
        expect(world.sent()).toHaveLength(path.endsWith('validate') ? 0 : kept);
      },
    ),
    { numRuns: 3000 },
  );
  for (const status of [200, 202, 400, 401, 404, 415, 422]) expect(statuses.get(status)).toBeGreaterThan(0);
});

test('what is sent is what was received, byte for byte, and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(goodRecord, { minLength: 1 }), fc.boolean(), async (records, isArray) => {
      const world = await createPushWorld();
      const answer = await world.send({
        body: isArray ? `[${records.join(' , ')}]` : records.join('\r\n'),
        headers: { 'content-type': isArray ? 'application/json' : 'application/x-ndjson' },
      });
      expect(answer.status).toBe(202);
      expect(answer.body.duplicates).toBe(records.length - new Set(records).size);
      expect(world.sent()).toEqual(records);
    }),
    { numRuns: 300 },
  );
});
