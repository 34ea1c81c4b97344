import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../../shared/config/define-config.ts';

const push = {
  type: 'push',
  freshness: '30 seconds',
  volume: { gbPerDay: 1 },
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
  key: ['id'],
};
const stream = { ...push, type: 'stream' };
const http = { ...push, type: 'http', url: 'https://api.example.com/orders' };

function problemsOf(input: unknown): readonly string[] {
  try {
    parseConfig(input);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const ofSource = (source: object, name = 'a'): readonly string[] =>
  problemsOf({ sources: { [name]: source } });

describe('a wrong configuration is refused with the path and what is allowed:', () => {
  test.each<[string, readonly string[], string]>([
    ['no configuration', problemsOf(undefined), '(root): is required: object'],
    ['no sources', problemsOf({}), 'sources: is required: record'],
    ['empty sources', problemsOf({ sources: {} }), 'sources: declare at least one source'],
    [
      'a source name',
      ofSource(push, 'Orders'),
      'sources.Orders: a source name must match ^[a-z][a-z0-9_-]{0,62}$ (lower case, starts with a letter)',
    ],
    [
      'a name that is taken',
      ofSource(push, 'unknown'),
      'sources.unknown: the name "unknown" stands for records that belong to no source; choose another one',
    ],
    [
      'a name of a stream that alarms need',
      ofSource(stream, 'ingest'),
      'sources.ingest: alarms of Headgate\'s own are called "ingest-…"; choose another name for this stream',
    ],
    [
      'a source type',
      ofSource({ ...push, type: 'kafka' }),
      "sources.a.type: Invalid discriminator value. Expected 'push' | 'webhook' | 'stream' | 'http' | 'postgres' | 'mysql' | 'files'",
    ],
    [
      'a field that does not exist',
      ofSource({ ...push, freshnes: 1 }),
      'sources.a: "freshnes" is no field of it; there are: type, description, freshness, volume, changes, budget, contract, key, eventTime, partition, dedupe, dedupeWindow, alarms, pattern, orderBy, overflow, priority, limits, recordsPerRequest, auth, idempotencyKey, cors',
    ],
    [
      'a nested field that does not exist',
      ofSource({ ...push, limits: { rate: 1 } }),
      'sources.a.limits: "rate" is no field of it; there are: maxBodyBytes, maxDecompressedBytes, maxRecordBytes, maxRecordsPerRequest, requestsPerSecond, bytesPerSecond, perKey',
    ],
    [
      'a missing answer',
      ofSource({ ...push, freshness: undefined }),
      'sources.a.freshness: is required: string',
    ],
    [
      'a number without a unit',
      ofSource({ ...push, freshness: '30' }),
      'sources.a.freshness: must be a duration such as "30 seconds", "5 minutes", "7 days", from "1 second" to "30 days"',
    ],
    [
      'a size out of bounds',
      ofSource({ ...push, limits: { maxRecordBytes: '2 MiB' } }),
      'sources.a.limits.maxRecordBytes: must be a size such as "256 KiB", "6 MB", from "1 KiB" to "1 MiB"',
    ],
    [
      'a volume in no known form',
      ofSource({ ...push, volume: { gb: 1 } }),
      'sources.a.volume: must be { recordsPerSecond, recordBytes } or { gbPerDay }, with recordBytes if you know it',
    ],
    [
      'a key that the contract does not have',
      ofSource({ ...push, key: ['nr'] }),
      'sources.a.key.0: the schema has no field "nr"; it has id where "nr" should be',
    ],
    [
      'a URL that is neither text nor a parameter',
      ofSource({ ...http, url: 5 }),
      'sources.a.url: must be text, or { parameter: "/name/of/an/ssm/parameter" }',
    ],
    [
      'spilling what has an order',
      ofSource({ ...push, orderBy: ['id'], overflow: 'spill' }),
      'sources.a.overflow: cannot be "spill" together with orderBy: what is spilled lands later than what follows it; use "refuse"',
    ],
    [
      'an order by a field that the contract does not have',
      ofSource({ ...push, orderBy: ['nr'] }),
      'sources.a.orderBy.0: the schema has no field "nr"; it has id where "nr" should be',
    ],
    [
      'an origin with a path',
      ofSource({ ...push, cors: { origins: ['https://app.example.com/'] } }),
      'sources.a.cors.origins.0: must be an origin without a path, such as "https://app.example.com"',
    ],
    [
      'spilling into where everything goes already',
      ofSource({ ...push, freshness: '5 minutes', overflow: 'spill' }),
      'sources.a.overflow: is "spill", which is said of the stream, but this source is collected in S3 (see pattern); remove it, or set pattern: "stream"',
    ],
    [
      'a priority on a stream that is not used',
      ofSource({ ...push, pattern: 'micro-batch', priority: 'low' }),
      'sources.a.priority: is "low", which is said of the stream, but this source is collected in S3 (see pattern); remove it, or set pattern: "stream"',
    ],
    [
      'a limit for each of the senders of a webhook',
      ofSource({
        ...push,
        type: 'webhook',
        signature: { preset: 'github', secrets: [{ parameter: '/a' }] },
        limits: { perKey: { requestsPerSecond: 1 } },
      }),
      'sources.a.limits.perKey: a webhook has one sender; use limits.requestsPerSecond and limits.bytesPerSecond',
    ],
    [
      'a name that entries of the claims table begin with',
      problemsOf({ sources: { quota: push } }),
      'sources.quota: the names "budget", "quota" and "request" are used by Headgate itself; choose another one',
    ],
    [
      'plain http',
      ofSource({ ...http, url: 'http://api.example.com' }),
      'sources.a.url: must be an absolute https URL, such as "https://api.example.com/orders"; plain http needs allowPrivateNetwork: true, for endpoints in your own network',
    ],
  ])('%s', (_name, problems, expected) => {
    expect(problems).toEqual([expected]);
  });

  test('all problems at once', () => {
    expect(ofSource({ ...push, freshness: '1 year', changes: 'upsert', dedupe: 'all' })).toHaveLength(3);
  });
});

describe('a right configuration', () => {
  test('has every default filled in, and is data', () => {
    const config = parseConfig({ sources: { a: push, b: http } });
    expect(config.sources['a']).toMatchObject({
      dedupe: 'record',
      partition: 'hour',
      dedupeWindow: '7 days',
    });
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    expect(parseConfig(config)).toEqual(config);
  });

  test('may read plain http in its own network', () => {
    expect(ofSource({ ...http, url: 'http://10.0.0.5/x', allowPrivateNetwork: true })).toEqual([]);
  });
});
