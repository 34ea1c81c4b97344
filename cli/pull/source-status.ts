import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import { deletesNote, type DeletesNote } from '../../shared/config/deletes-note.ts';
import { slowestPollMs } from '../../shared/config/plan/slowest-poll.ts';
import type { LedgerState } from '../../shared/ports/ledger-store.ts';
import type { PullControl, PullRunSummary } from '../../shared/ports/pull-control.ts';
import { readCheckpoint } from './checkpoints.ts';

type Health = 'ok' | 'warn' | 'error' | 'paused';

/** How a source is doing. */
export interface SourceStatus {
  readonly source: string;
  readonly type: string;
  readonly health: Health;
  readonly checkpoint: string;
  /** Since the last run that was noted, ms; undefined before the first. */
  readonly ageMs: number | undefined;
  readonly lastRun: PullRunSummary | undefined;
  readonly failures: number;
  /** How often it is read, and why. */
  readonly polling: string;
  /** How deletes are seen. */
  readonly deletes: DeletesNote['seen'];
  /** What is to be known, and what to do about it; the worst first. */
  readonly notes: readonly string[];
}

/** Runs that find nothing are noted once an hour. */
const NOTED_EVERY_MS = 3_600_000;
/** Runs that may be missed before it is said. */
const MISSED_RUNS = 2;

/** How a source is doing, by what is known of it. */
export function sourceStatus(
  name: string,
  source: PulledSourceConfig,
  control: PullControl,
  state: LedgerState,
  nowMs: number,
): SourceStatus {
  const { paused, failures, lastRun, polling } = control;
  const found: { readonly health: Health; readonly note: string }[] = [];
  if (paused !== undefined) {
    const by = paused.by === 'failures' ? 'it paused itself' : `paused by ${paused.who ?? 'somebody'}`;
    found.push({
      health: 'paused',
      note: `${by} at ${new Date(paused.sinceMs).toISOString()}: ${paused.reason}; go on with: headgate resume ${name}`,
    });
  }
  if (lastRun?.error !== undefined) {
    found.push({ health: 'error', note: `${lastRun.error.code}: ${lastRun.error.message}` });
  }
  const checkpoint = describe(name, source, state);
  if (checkpoint.problem !== undefined) found.push({ health: 'error', note: checkpoint.problem });
  const everyMs = polling === undefined ? slowestPollMs(source) : polling.everyMinutes * 60_000;
  const ageMs = lastRun && nowMs - lastRun.endedAtMs;
  if (ageMs === undefined) {
    found.push({ health: 'warn', note: 'no run has ended yet; the first one comes with its schedule' });
  } else if (paused === undefined && ageMs > NOTED_EVERY_MS + MISSED_RUNS * everyMs) {
    found.push({
      health: 'warn',
      note: 'runs are missing: see whether its schedule is there and enabled, and the log of its function',
    });
  }
  if (lastRun !== undefined && lastRun.quarantined > 0) {
    found.push({
      health: 'warn',
      note: `${String(lastRun.quarantined)} records of the last run went to quarantine; look at their reasons under quarantine/${name}/`,
    });
  }
  const limit = limitOf(source);
  return {
    source: name,
    type: source.type,
    health: found[0]?.health ?? 'ok',
    checkpoint: checkpoint.summary,
    ageMs,
    lastRun,
    failures,
    polling:
      (isNotifying(source) ? 'when the bucket tells of new objects, and ' : '') +
      describePolling(source, polling),
    deletes: deletesNote(source).seen,
    notes: [
      ...found.map(({ note }) => note),
      ...(limit === undefined ? [] : [limit]),
      ...(source.changes === 'append' ? [] : [deletesNote(source).text]),
    ],
  };
}

function describe(
  name: string,
  source: PulledSourceConfig,
  { position }: LedgerState,
): { readonly summary: string; readonly problem?: string } {
  try {
    return { summary: readCheckpoint(name, source, position).summary };
  } catch (error) {
    return { summary: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
}

function describePolling(source: PulledSourceConfig, polling: PullControl['polling']): string {
  if (polling !== undefined) return `every ${minutes(polling.everyMinutes)}: ${polling.reason}`;
  return isNotifying(source)
    ? `every ${minutes(Math.floor(slowestPollMs(source) / 60_000))}`
    : `every ${source.freshness}`;
}

const isNotifying = (source: PulledSourceConfig): boolean => source.type === 'files' && source.notifications;

/** What the way in which a source is read cannot promise. */
function limitOf(source: PulledSourceConfig): string | undefined {
  if (source.type !== 'postgres' && source.type !== 'mysql') return undefined;
  const lookback = source.incremental?.lookback;
  if (lookback === undefined) return undefined;
  return `read with a look-back of ${lookback} and without a horizon: a row that becomes visible later than that is never read`;
}

const minutes = (count: number): string => (count === 1 ? 'minute' : `${String(count)} minutes`);
