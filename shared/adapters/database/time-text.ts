import { toCalendarDay } from '../../domain/calendar-day.ts';

/**
 * Dates and times as text and as numbers, exactly: microseconds survive, whatever the year. `Date` knows milliseconds
 * only.
 */

const DAY_MICROS = 86_400_000_000n;
/** Of a timestamp that no clock shows: PostgreSQL's own values for them. */
const INFINITY_MICROS = 2n ** 63n - 1n;
const MINUS_INFINITY_MICROS = -(2n ** 63n);

const TIME =
  /^(\d{1,6})-(\d{2})-(\d{2})(?:[ Tt](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*([Zz]|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?( BC)?$/;

/** Days from 1970-01-01 to a day of the (proleptic) Gregorian calendar; the year 0 is 1 BC. */
function toDays(year: number, month: number, day: number): number {
  // Years start in March, so that the leap day is the last one. http://howardhinnant.github.io/date_algorithms.html
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** A day as PostgreSQL and MySQL write and read it, such as `2026-01-31`; years before 1 end in ` BC`. */
export function formatDay(days: number): string {
  const { date, suffix } = dayParts(days);
  return date + suffix;
}

function dayParts(days: number): { date: string; suffix: '' | ' BC' } {
  const { year, month, day } = toCalendarDay(days);
  return {
    date: `${pad(year <= 0 ? 1 - year : year, 4)}-${pad(month, 2)}-${pad(day, 2)}`,
    suffix: year <= 0 ? ' BC' : '',
  };
}

/**
 * A time as text with six digits of a second, such as `2026-01-31 12:00:00.000001`.
 *
 * @param micros microseconds since 1970-01-01 00:00
 * @param zone `+00` for instants, empty for times of no zone
 */
export function formatMicros(micros: bigint, zone: '+00' | ''): string {
  if (micros === INFINITY_MICROS) return 'infinity';
  if (micros === MINUS_INFINITY_MICROS) return '-infinity';
  const dayMicros = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const { date, suffix } = dayParts(Number((micros - dayMicros) / DAY_MICROS));
  const ofDay = Number(dayMicros);
  const seconds = Math.floor(ofDay / 1e6);
  const time = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  return `${date} ${time}.${pad(ofDay % 1e6, 6)}${zone}${suffix}`;
}

/**
 * Microseconds since 1970-01-01 00:00 of a date or time in ISO 8601 or as a database writes it; undefined if the text is
 * none. Without a zone it is taken as UTC. Digits below a microsecond are cut off.
 */
export function parseMicros(text: string): bigint | undefined {
  if (text === 'infinity') return INFINITY_MICROS;
  if (text === '-infinity') return MINUS_INFINITY_MICROS;
  const match = TIME.exec(text.trim());
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone, bc] =
    match;
  const [m, d, h, min, s] = [month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (m < 1 || m > 12 || d < 1 || d > 31 || h > 24 || min > 59 || s > 60) return undefined;
  const days = toDays(bc === undefined ? Number(year) : 1 - Number(year), m, d);
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  const seconds = BigInt(days) * 86_400n + BigInt(h * 3600 + min * 60 + s - zoneSeconds(zone));
  return seconds * 1_000_000n + BigInt(micros);
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0;
  const [hours = '0', minutes = '0', seconds = '0'] = zone.slice(1).match(/\d{2}/g) ?? [];
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return zone.startsWith('-') ? -size : size;
}
