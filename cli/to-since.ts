import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../shared/config/units.ts';

const DAY_MS = 86_400_000;
/** CloudWatch keeps metrics that long. */
const MAX_DAYS = 455;

/** How far to look back, in ms: a duration as in configurations. For options of commands. */
export function toSince(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0 && ms <= MAX_DAYS * DAY_MS) return ms;
  throw new InvalidArgumentError(
    `It must be a time such as "90 minutes", "24 hours" or "7 days", "${String(MAX_DAYS)} days" at most.`,
  );
}

/** How far commands look back that are told nothing else. */
export const USUAL_SINCE_MS = 7 * DAY_MS;
