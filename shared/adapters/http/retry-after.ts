/**
 * How long a server asks to wait (Retry-After, RFC 9110): seconds, or an HTTP date.
 *
 * @returns milliseconds from `nowMs` on, at least 0; undefined when the header is absent or is neither
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse accepts far more than HTTP dates; those begin with the day's name.
  const dateMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
