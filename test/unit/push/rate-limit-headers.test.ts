import { describe, expect, test } from 'vitest';
import { toProblemResponse } from '../../../lambdas/middleware/problems.ts';
import { quotaExceeded, rateLimitHeaders } from '../../../lambdas/push/rate-limit-headers.ts';
import type { QuotaDecision, QuotaPolicy } from '../../../shared/pipeline/quota.ts';

const REQUESTS: QuotaPolicy = {
  name: 'requests',
  unit: 'requests',
  limit: 100,
  windowSeconds: 1,
  remaining: 37,
  resetSeconds: 1,
};
const BYTES: QuotaPolicy = {
  name: 'sender-bytes',
  unit: 'bytes',
  limit: 1_000_000,
  windowSeconds: 1,
  remaining: 0,
  resetSeconds: 4,
};
const refused: QuotaDecision = {
  admitted: false,
  retryAfterMs: 3_200,
  policies: [REQUESTS, BYTES],
  violated: ['sender-bytes'],
};

describe('RateLimit fields', () => {
  test('say for each limit what is allowed, what is left and when there is more', () => {
    expect(rateLimitHeaders(refused)).toEqual({
      'ratelimit-policy': '"requests";q=100;w=1, "sender-bytes";q=1000000;qu="content-bytes";w=1',
      ratelimit: '"requests";r=37;t=1, "sender-bytes";r=0;t=4',
    });
  });

  test('hold integers as structured fields have them: none negative, none broken, none longer than 15 digits', () => {
    const odd = { ...REQUESTS, limit: 1e18, remaining: -0.5, resetSeconds: 1.9 };
    expect(rateLimitHeaders({ ...refused, policies: [odd] })).toEqual({
      'ratelimit-policy': '"requests";q=999999999999999;w=1',
      ratelimit: '"requests";r=0;t=1',
    });
  });
});

describe('a request above a limit', () => {
  test('is answered 429 with the registered type, the violated policies and the fields', () => {
    const { statusCode, headers, body } = toProblemResponse(quotaExceeded(refused));
    expect(statusCode).toBe(429);
    expect(headers).toMatchObject(rateLimitHeaders(refused));
    expect(JSON.parse(body ?? '')).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      'violated-policies': ['sender-bytes'],
      detail: expect.stringContaining('sender-bytes: 1000000 bytes per second') as string,
    });
  });

  test.each([
    [3_200, '4'],
    [1, '1'],
    [60_000, '60'],
  ])('that fits in after %i ms is told %s whole seconds, no less', (retryAfterMs, seconds) => {
    expect(quotaExceeded({ ...refused, retryAfterMs }).options.headers?.['retry-after']).toBe(seconds);
  });
});
