import { slowedMinutes } from '../../domain/plan-polling.ts';
import { toMs } from '../units.ts';

interface PolledSource {
  readonly freshness: string;
  readonly polling?: { readonly floor: string; readonly ceiling?: string | undefined } | undefined;
  readonly notifications?: boolean;
}

/** How often a source that says itself when there is something new is asked all the same. */
const UNASKED_MS = 900_000;

/**
 * Longest time between two scheduled reads of a source, in ms: what its schedule begins with, and what adaptive polling
 * does not go beyond. The freshness, unless notifications see to that: then the schedule is for what they miss.
 */
export function slowestPollMs({ freshness, polling, notifications = false }: PolledSource): number {
  const freshnessMs = toMs(freshness);
  const ceilingMs = polling?.ceiling === undefined ? undefined : toMs(polling.ceiling);
  if (!notifications) return Math.min(freshnessMs, ceilingMs ?? freshnessMs);
  return ceilingMs ?? Math.max(freshnessMs, UNASKED_MS, polling === undefined ? 0 : toMs(polling.floor));
}

/** Time between two scheduled reads of a source while it is over its monthly budget, in ms; as ever without `polling`. */
export function slowedPollMs(source: PolledSource): number {
  const freshnessMs = slowestPollMs(source);
  if (source.polling === undefined) return freshnessMs;
  const { ceiling } = source.polling;
  const ceilingMs = ceiling === undefined ? undefined : toMs(ceiling);
  return Math.max(freshnessMs, slowedMinutes({ freshnessMs, ceilingMs }) * 60_000);
}
