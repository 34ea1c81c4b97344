import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createUniqueBodies, RECORDS_PER_REQUEST, toBody } from '../../../bench/push/push-requests.ts';
import { SHARD_BYTES_PER_SECOND, ShardLimits } from '../../../bench/push/shard-limits.ts';
import { percentile, summariseLoad, type SentRequest } from '../../../bench/push/summarise-load.ts';
import { decodeBody } from '../../../lambdas/push/decode-body.ts';
import { splitLines } from '../../../shared/domain/json-records.ts';

const LIMITS = { maxBodyBytes: 6e6, maxDecompressedBytes: 50e6 };

function decode(body: Buffer): Buffer {
  return decodeBody({ body: body.toString('base64'), isBase64Encoded: true }, 'gzip', LIMITS);
}

describe('bodies', () => {
  test('are the same for the same number and differ between numbers', () => {
    expect(toBody(1).equals(toBody(1))).toBe(true);
    expect(toBody(1).equals(toBody(2))).toBe(false);
    expect(splitLines(gunzipSync(toBody(1)))).toHaveLength(RECORDS_PER_REQUEST);
  });

  test('that are unique are gzip of the records they are said to have', () => {
    const uniqueBody = createUniqueBodies();
    const { body, payload } = uniqueBody(7);
    expect(gunzipSync(body).equals(decode(body))).toBe(true);
    const records = splitLines(decode(body));
    expect(records).toHaveLength(RECORDS_PER_REQUEST);
    expect(Buffer.concat(records).equals(Buffer.concat(payload))).toBe(true);
    for (const record of records) JSON.parse(record.toString());
  });

  test('that are unique differ in one record', () => {
    const uniqueBody = createUniqueBodies();
    const [first, second] = [splitLines(decode(uniqueBody(0).body)), splitLines(decode(uniqueBody(1).body))];
    const differing = first.filter((record, i) => second[i]?.equals(record) !== true);
    expect(differing).toHaveLength(1);
  });
});

describe('a shard', () => {
  test('takes its bytes of a second at once, and no more', () => {
    const shard = new ShardLimits(0);
    expect(shard.takes(SHARD_BYTES_PER_SECOND, 0)).toBe(true);
    expect(shard.takes(1, 0)).toBe(false);
  });

  test('takes again what time has passed for', () => {
    const shard = new ShardLimits(0);
    shard.takes(SHARD_BYTES_PER_SECOND, 0);
    expect(shard.takes(SHARD_BYTES_PER_SECOND / 2, 499)).toBe(false);
    expect(shard.takes(SHARD_BYTES_PER_SECOND / 2, 500)).toBe(true);
    expect(shard.takes(1, 500)).toBe(false);
  });

  test('saves one second at most', () => {
    const shard = new ShardLimits(0);
    expect(shard.takes(SHARD_BYTES_PER_SECOND, 60_000)).toBe(true);
    expect(shard.takes(1, 60_000)).toBe(false);
  });

  test('takes 1,000 records in a second, however small', () => {
    const shard = new ShardLimits(0);
    const taken = Array.from({ length: 1500 }, () => shard.takes(1, 0)).filter(Boolean);
    expect(taken).toHaveLength(1000);
  });
});

function request(statusCode: number, payload: string, handlerMs = 10): SentRequest {
  return { statusCode, payload, handlerMs, records: 500 };
}

describe('the summary of a load', () => {
  test('counts records of a 2xx answer that are not stored as lost, and those of a 503 not', () => {
    const requests = [request(202, 'a'), request(202, 'b'), request(503, 'c')];
    const summary = summariseLoad(requests, ['a'], 2);
    expect(summary.lostAfter2xx).toBe(500);
    expect(summary.durablePerS).toBe(250);
  });

  test('does not let a payload that is stored twice stand for another', () => {
    const requests = [request(202, 'a'), request(202, 'b')];
    expect(summariseLoad(requests, ['a', 'a'], 1)).toMatchObject({ lostAfter2xx: 500, durablePerS: 500 });
  });

  test('counts what is durable although its request was refused', () => {
    expect(summariseLoad([request(503, 'a')], ['a'], 1)).toMatchObject({ lostAfter2xx: 0, durablePerS: 500 });
  });

  test('has shares of answers that add up to one', () => {
    const requests = [202, 429, 429, 503, 503, 503, 500, 400].map((status, i) => request(status, String(i)));
    const summary = summariseLoad(requests, ['0'], 1);
    expect(summary).toMatchObject({ ok: 0.125, tooMany: 0.25, unavailable: 0.375, failed: 0.25 });
  });

  test('has the members that readers of its JSON know', () => {
    expect(Object.keys(summariseLoad([request(202, 'a')], ['a'], 1)).sort()).toEqual(
      [
        'requests',
        'p50Ms',
        'p99Ms',
        'durablePerS',
        'ok',
        'tooMany',
        'unavailable',
        'failed',
        'lostAfter2xx',
      ].sort(),
    );
  });
});

describe('a percentile', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);

  test('is the smallest value that so many do not exceed', () => {
    expect(percentile(values, 0.5)).toBe(100);
    expect(percentile(values, 0.99)).toBe(198);
    expect(percentile([7], 0.99)).toBe(7);
  });

  test('does not depend on the order', () => {
    const shuffled = [...values].sort((a, b) => digest(a).localeCompare(digest(b)));
    expect(percentile(shuffled, 0.99)).toBe(198);
  });
});

function digest(value: number): string {
  return createHash('sha256').update(String(value)).digest('hex');
}
