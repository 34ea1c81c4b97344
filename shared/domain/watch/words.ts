import { hourStartMs } from '../record-counts.ts';

/** An hour as people read it: `2026-12-01 09:00 UTC`. */
export const toHourText = (hour: number): string =>
  `${new Date(hourStartMs(hour)).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A number of things: `1 record`, `1,200 records`. */
export const toAmount = (count: number, one: string): string =>
  `${toDigits(count)} ${one}${count === 1 ? '' : 's'}`;

/** A whole number with its thousands apart. */
export const toDigits = (count: number): string => Math.round(count).toLocaleString('en-US');
