/**
 * How long a Retry-After header asks to wait, in milliseconds: it has seconds or a date.
 *
 * @param dateMs now, in milliseconds since the epoch
 * @returns undefined when the header is missing or is neither
 */
export function retryAfterMs(header: string | null, dateMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  // Dates have letters; without this, Date.parse takes "-1" for a year.
  const date = /[a-z]/i.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - dateMs);
}
