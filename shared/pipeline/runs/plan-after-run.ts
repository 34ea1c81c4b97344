import type { PulledSourceConfig } from '../../config/schema.ts';
import type {
  PollDecision,
  PullControl,
  PullControlState,
  PullRunSummary,
} from '../../ports/pull-control.ts';

/** What a run has come to, for what is known of its source. */
export interface RunReport {
  readonly owner: string;
  readonly summary: PullRunSummary;
  /** How polling goes on; undefined where the interval is fixed, or could not be seen. */
  readonly polling: (PollDecision & { readonly emptyRuns: number }) | undefined;
  /**
   * Whether the run did not end, and got nowhere either: it has left the work to others, or was not allowed to ask. It says
   * nothing about whether the source can be read.
   */
  readonly isInconclusive: boolean;
}

/** A run that says nothing new is noted once in an hour: a write each minute would cost more than the reads. */
const NOTE_EVERY_MS = 3_600_000;

/** What somebody has to look at before another run is of any use: the source pauses itself at once. */
const PAUSES_AT_ONCE: ReadonlySet<string> = new Set(['DELETES_HELD_BACK']);

/** What is known of a source after a run. The source pauses itself with the failure that is one too many. */
export function planAfterRun(
  before: PullControl,
  { pauseAfterFailures }: Pick<PulledSourceConfig, 'pauseAfterFailures'>,
  { owner, summary, polling, isInconclusive }: RunReport,
): PullControlState {
  const { error } = summary;
  const failures = countFailures(before, summary, isInconclusive);
  const isFinal = error !== undefined && PAUSES_AT_ONCE.has(error.code);
  const isOthers = before.running !== undefined && before.running.owner !== owner;
  const isTooMany = error !== undefined && failures >= pauseAfterFailures;
  return {
    paused:
      before.paused ??
      (isFinal || isTooMany
        ? {
            sinceMs: summary.endedAtMs,
            by: 'failures',
            who: undefined,
            reason: isFinal
              ? `${error.code}: ${error.message}`
              : `${String(failures)} runs in a row failed, the last one with ${error.code}: ${error.message}`,
          }
        : undefined),
    failures,
    // What a row of failures is about stays in sight.
    lastRun: isInconclusive && failures > 0 ? before.lastRun : summary,
    polling:
      polling === undefined ? before.polling : { everyMinutes: polling.everyMinutes, reason: polling.reason },
    emptyRuns: polling === undefined ? before.emptyRuns : polling.emptyRuns,
    running: isOthers ? before.running : undefined,
    // Kept for a run that succeeds, and for another one that is still at work: what is new may be behind what either has seen.
    isWoken: before.isWoken && (isOthers || error !== undefined),
  };
}

function countFailures(before: PullControl, summary: PullRunSummary, isInconclusive: boolean): number {
  if (summary.error === undefined) return isInconclusive ? before.failures : 0;
  return before.failures + (isSameFailure(before, summary) ? 0 : 1);
}

/**
 * What was at work when another part of the source failed fails of the same cause, as a rule: together they count once. So
 * does a run that Lambda repeats by itself, which has the id of the first attempt.
 */
function isSameFailure(
  { failures, lastRun }: PullControl,
  { startedAtMs, failedBy }: PullRunSummary,
): boolean {
  if (failures === 0 || lastRun?.error === undefined) return false;
  const isRepeated = failedBy !== undefined && failedBy === lastRun.failedBy;
  return isRepeated || startedAtMs < lastRun.endedAtMs;
}

/** Whether a change says enough to be worth a write: that of the times of a run alone does not, within an hour. */
export function isWorthWriting(before: PullControl, after: PullControlState): boolean {
  const { version, lastRun: former, ...rest } = before;
  const { lastRun: latest, ...others } = after;
  if (former === undefined || latest === undefined || version === 0) return true;
  if (toText(rest) !== toText(others)) return true;
  if (latest.endedAtMs - former.endedAtMs >= NOTE_EVERY_MS) return true;
  return toText(timeless(former)) !== toText(timeless(latest));
}

const timeless = (summary: PullRunSummary): object => ({ ...summary, startedAtMs: 0, endedAtMs: 0 });

/** Equal texts for equal values: the order of the fields and absent ones do not count. */
function toText(value: object): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
