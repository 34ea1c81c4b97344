/** A day of the proleptic Gregorian calendar. */
export interface CalendarDay {
  /** Astronomical: the year 0 is 1 BC. */
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

const DAYS_OF_ERA = 146_097;
const DAYS_BEFORE_1970 = 719_468;

/**
 * The day so many days after 1970-01-01, whatever the year: `Date` ends with 275760.
 *
 * Years start in March, so that the leap day is the last one: https://howardhinnant.github.io/date_algorithms.html
 */
export function toCalendarDay(days: number): CalendarDay {
  const shifted = days + DAYS_BEFORE_1970;
  const era = Math.floor(shifted / DAYS_OF_ERA);
  const dayOfEra = shifted - era * DAYS_OF_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}
