import type { IncomingHttpHeaders } from 'node:http';
import type { HttpSourceConfig } from '../../config/schema.ts';

/** Numbers above this are times, not seconds from now on: nobody limits for years. */
const LEAST_EPOCH_SECONDS = 1_000_000_000;
/** A member of the RateLimit header (draft-ietf-httpapi-ratelimit-headers): `"policy";r=0;t=30`. */
const REMAINING = /;\s*r\s*=\s*(\d{1,15})/;
const RESET = /;\s*t\s*=\s*(\d{1,9})/;

/**
 * When an API may be asked again, by what its answer says about its limit.
 *
 * @returns ms since the epoch; undefined while something of the limit is left, or when the answer does not say
 */
export function exhaustedUntilMs(
  headers: IncomingHttpHeaders,
  config: HttpSourceConfig['rateLimit'],
  nowMs: number,
): number | undefined {
  const times = [ofStructured(headers, nowMs), ofIetf(headers, nowMs), ofConfigured(headers, config, nowMs)];
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function ofStructured(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  // Several policies may be named: the one that is exhausted counts.
  for (const member of textOf(headers, 'ratelimit')?.split(',') ?? []) {
    const reset = RESET.exec(member)?.[1];
    if (REMAINING.exec(member)?.[1] === '0' && reset !== undefined) return nowMs + Number(reset) * 1000;
  }
  return undefined;
}

function ofIetf(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  if (textOf(headers, 'ratelimit-remaining') !== '0') return undefined;
  return toTimeMs(textOf(headers, 'ratelimit-reset'), 'seconds', nowMs);
}

function ofConfigured(
  headers: IncomingHttpHeaders,
  config: HttpSourceConfig['rateLimit'],
  nowMs: number,
): number | undefined {
  if (config === undefined) return undefined;
  const remaining = textOf(headers, config.remainingHeader.toLowerCase());
  if (remaining === undefined || !(Number(remaining) <= 0)) return undefined;
  return toTimeMs(textOf(headers, config.resetHeader.toLowerCase()), config.resetFormat, nowMs);
}

type ResetFormat = NonNullable<HttpSourceConfig['rateLimit']>['resetFormat'];

function toTimeMs(text: string | undefined, format: ResetFormat, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (format === 'iso-8601') {
    const timeMs = Date.parse(text);
    return Number.isNaN(timeMs) ? undefined : timeMs;
  }
  if (!/^\d{1,15}(?:\.\d{1,9})?$/.test(text)) return undefined;
  const value = Number(text);
  switch (format) {
    case 'seconds':
      return value >= LEAST_EPOCH_SECONDS ? value * 1000 : nowMs + value * 1000;
    case 'epoch-seconds':
      return value * 1000;
    case 'epoch-milliseconds':
      return value;
  }
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : undefined;
}
