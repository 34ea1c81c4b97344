import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const DAY_MS = 86_400_000;
/** CloudWatch keeps metrics that long. */
const MAX_DAYS = 455;

/** How far to look back, in ms: `90m`, `24h`, `7d`. For options of commands. */
export function toSince(text: string): number {
  const [, amount, unit = ''] = /^(\d+)\s*(m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= MAX_DAYS * DAY_MS) return ms;
  throw new InvalidArgumentError(`It must be a time such as 90m, 24h or 7d, ${String(MAX_DAYS)}d at most.`);
}

/** How far commands look back that are told nothing else. */
export const USUAL_SINCE_MS = 7 * DAY_MS;
