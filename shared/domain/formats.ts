/*
 * The formats that a schema may use. They are stricter than RFC 3339 where the lake needs it: what passes here loads
 * into a column of the matching type without any change of value.
 */

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const DATE_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6}0{0,3})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** First and last instant that a lake column holds: the years 0001 to 9999 in UTC. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;

/** Whether the day exists in its month; `text` begins with YYYY-MM-DD, month 01-12 and day 01-31. */
function isCalendarDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = Number(text.slice(5, 7));
  if (month !== 2) return day <= 30 || ![4, 6, 9, 11].includes(month);
  const year = Number(text.slice(0, 4));
  return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** A day of the years 0001 to 9999 as YYYY-MM-DD. */
export function isDate(text: string): boolean {
  return DATE.test(text) && isCalendarDay(text) && !text.startsWith('0000');
}

/** Whether an instant is in the years 0001 to 9999 (UTC). */
export function isLakeTime(ms: number): boolean {
  return ms >= FIRST_MS && ms <= LAST_MS;
}

/**
 * An instant of the years 0001 to 9999 as RFC 3339 writes it: `T`, seconds 00-59, `Z` or an offset of less than 15
 * hours. A timestamp in the lake has microseconds, so digits after the sixth must be zeros.
 */
export function isDateTime(text: string): boolean {
  if (!DATE_TIME.test(text) || !isCalendarDay(text) || text.startsWith('0000')) return false;
  // Only here an offset can move the instant out of the years.
  return text.startsWith('0001-01-01') || text.startsWith('9999-12-31') ? isLakeTime(Date.parse(text)) : true;
}

/** A UUID as RFC 9562 writes it, in lower or upper case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** String formats by name, and what each allows, for messages. `int64` is a format of integers and needs no test. */
export const FORMATS: Readonly<Record<string, { test: (text: string) => boolean; allowed: string }>> = {
  'date-time': {
    test: isDateTime,
    allowed:
      'an instant such as "2026-03-01T09:30:00.123456Z" (with Z or an offset, at most 6 digits of fraction, years 0001-9999)',
  },
  date: { test: isDate, allowed: 'a day such as "2026-03-01" (years 0001-9999)' },
  uuid: { test: isUuid, allowed: 'a UUID such as "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"' },
};

/** The tests alone, as the compiled schemas call them. */
export const FORMAT_TESTS = Object.fromEntries(
  Object.entries(FORMATS).map(([name, { test }]) => [name, test]),
);
