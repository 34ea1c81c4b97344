/** Numbers and times, as people read them in a plan. */

const UNITS_MS: readonly (readonly [unit: string, ms: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** US dollars: cents from a dollar on, two digits that say something below. */
export function toUsd(usd: number): string {
  if (usd === 0) return '$0';
  if (Math.abs(usd) >= 1) return `$${usd.toFixed(2)}`;
  const digits = Math.min(8, 1 - Math.floor(Math.log10(Math.abs(usd))));
  return `$${usd.toFixed(digits)}`;
}

/** A time with its largest unit, such as `90 seconds`, `5 minutes` or `1.5 hours`. */
export function toTime(ms: number): string {
  const [unit, unitMs] = UNITS_MS.find(([, each]) => ms >= each) ?? ['second', 1_000];
  // "90 seconds" says more than "1.5 minutes".
  const [name, size] = unit === 'minute' && ms > 60_000 && ms < 120_000 ? ['second', 1_000] : [unit, unitMs];
  const amount = ms / size;
  const text = amount >= 10 ? String(Math.round(amount)) : String(Math.round(amount * 10) / 10);
  return `${text} ${name}${text === '1' ? '' : 's'}`;
}

/** A time as the configuration writes it: whole numbers of a unit. */
export function toConfigTime(ms: number): string {
  const [unit, unitMs] = UNITS_MS.find(([, each]) => ms >= each && ms % each === 0) ?? ['second', 1_000];
  const amount = ms / unitMs;
  return `${String(amount)} ${unit}${amount === 1 ? '' : 's'}`;
}

/** A change in per cent, with its sign: `−62 %`. */
export function toChange(from: number, to: number): string {
  const percent = Math.round((to / from - 1) * 100);
  return `${percent < 0 ? '−' : '+'}${String(Math.abs(percent))} %`;
}

/** A part in per cent: whole ones from 10 on, two digits below. */
export function toPercent(part: number): string {
  const percent = part * 100;
  return `${percent >= 10 ? String(Math.round(percent)) : String(Number(percent.toPrecision(2)))} %`;
}

/** GB, with digits enough to tell small ones apart. */
export function toGb(gb: number): string {
  return `${gb >= 10 ? String(Math.round(gb)) : String(Number(gb.toPrecision(2)))} GB`;
}
