import * as z from 'zod';

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

const DURATION = /^(\d+(?:\.\d+)?) (millisecond|second|minute|hour|day)s?$/;
const SIZE = /^(\d+(?:\.\d+)?) (B|kB|MB|GB|TB|KiB|MiB|GiB)$/;

/** Milliseconds of a duration with a unit, for example `'30 seconds'` or `'7 days'`; undefined if it is not one. */
export function parseDurationMs(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  const factor = DURATION_UNITS_MS[unit ?? ''];
  return factor === undefined ? undefined : Number(amount) * factor;
}

/** Bytes of a size with a unit, for example `'256 KiB'` or `'6 MB'`; undefined if it is not one. */
export function parseSizeBytes(text: string): number | undefined {
  const [, amount, unit] = SIZE.exec(text) ?? [];
  const factor = SIZE_UNITS_BYTES[unit ?? ''];
  return factor === undefined ? undefined : Math.round(Number(amount) * factor);
}

/** A duration in the configuration: text with a unit, between two bounds that the error message names. */
export function duration(minimum: string, maximum: string): z.ZodString {
  return bounded(parseDurationMs, 'a duration such as "30 seconds", "5 minutes", "7 days"', minimum, maximum);
}

/** A size in the configuration: text with a unit, between two bounds that the error message names. */
export function size(minimum: string, maximum: string): z.ZodString {
  return bounded(parseSizeBytes, 'a size such as "256 KiB", "6 MB"', minimum, maximum);
}

function bounded(
  parse: (text: string) => number | undefined,
  words: string,
  minimum: string,
  maximum: string,
): z.ZodString {
  const low = parse(minimum);
  const high = parse(maximum);
  if (low === undefined || high === undefined) throw new RangeError(`not ${words}: ${minimum}, ${maximum}`);
  return z.string().refine(
    (text) => {
      const value = parse(text);
      return value !== undefined && value >= low && value <= high;
    },
    { error: `must be ${words}, from "${minimum}" to "${maximum}"` },
  );
}

/** Durations that were asked for: those of one configuration, which plans ask for by the hundred thousand. */
const durations = new Map<string, number>();

/** Milliseconds of a duration that the configuration has validated. */
export function toMs(text: string): number {
  const known = durations.get(text);
  if (known !== undefined) return known;
  const value = parseDurationMs(text);
  if (value === undefined) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  durations.set(text, value);
  return value;
}

/** Bytes of a size that the configuration has validated. */
export function toBytes(text: string): number {
  const value = parseSizeBytes(text);
  if (value === undefined) throw new RangeError(`not a size: ${JSON.stringify(text)}`);
  return value;
}
