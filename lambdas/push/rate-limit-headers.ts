import type { QuotaDecision, QuotaPolicy, QuotaUnit } from '../../shared/pipeline/quota.ts';
import { HttpProblem } from '../middleware/problems.ts';

/** Names of the draft's quota units; requests are its default and need not be named. */
const UNIT_PARAMETER: Readonly<Record<QuotaUnit, string>> = { requests: '', bytes: ';qu="content-bytes"' };

/** Largest integer of a structured field (RFC 9651). */
const MAX_INTEGER = 999_999_999_999_999;

const integer = (value: number): string => String(Math.min(MAX_INTEGER, Math.max(0, Math.trunc(value))));

/**
 * The fields `RateLimit-Policy` (what is allowed) and `RateLimit` (what is left) of an answer, as in
 * draft-ietf-httpapi-ratelimit-headers-11: structured fields, lists of strings with parameters. Without a partition key:
 * the source is in the request's URL and the sender in its credentials, so there is nothing to tell apart.
 */
export function rateLimitHeaders({ policies }: QuotaDecision): Record<string, string> {
  const list = (item: (policy: QuotaPolicy) => string): string =>
    policies.map((policy) => `"${policy.name}"${item(policy)}`).join(', ');
  return {
    'ratelimit-policy': list(
      ({ limit, unit, windowSeconds }) =>
        `;q=${integer(limit)}${UNIT_PARAMETER[unit]};w=${integer(windowSeconds)}`,
    ),
    ratelimit: list(({ remaining, resetSeconds }) => `;r=${integer(remaining)};t=${integer(resetSeconds)}`),
  };
}

/** The answer to a request that is above a limit: 429, which limits those are, and when to come back. */
export function quotaExceeded(decision: QuotaDecision): HttpProblem {
  const { policies, violated, retryAfterMs } = decision;
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const limits = policies
    .filter(({ name }) => violated.includes(name))
    .map(({ name, limit, unit }) => `${name}: ${integer(limit)} ${unit} per second`);
  return new HttpProblem(
    'quota-exceeded',
    `above the limit (${limits.join(', ')}); repeat the request after ${String(retryAfterSeconds)} seconds, send ` +
      'more records in each request, or ask the operator for a higher limit',
    {
      headers: { ...rateLimitHeaders(decision), 'retry-after': String(retryAfterSeconds) },
      members: { 'violated-policies': violated },
    },
  );
}
