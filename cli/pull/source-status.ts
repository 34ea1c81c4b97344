import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import { deletesNote, type DeletesNote } from '../../shared/config/deletes-note.ts';
import { slowestPollMs } from '../../shared/config/plan/slowest-poll.ts';
import type { LedgerState } from '../../shared/ports/ledger-store.ts';
import type { PullControl, PullRunSummary } from '../../shared/ports/pull-control.ts';
import { isOpen, parseBackfill } from '../../shared/domain/backfill.ts';
import { reconciledOf } from '../../shared/domain/table-position.ts';
import { toMs } from '../../shared/config/units.ts';
import { readCheckpoint } from './checkpoints.ts';
import { probeStatus, type ProbeStatus } from './probe-status.ts';

export type Health = 'ok' | 'warn' | 'error' | 'paused';

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
  /** What counting at the source has come to. */
  readonly probe: ProbeStatus;
  /** What is to be known, and what to do about it; the worst first. */
  readonly notes: readonly string[];
}

/** Runs that find nothing are noted once an hour. */
const NOTED_EVERY_MS = 3_600_000;
/** Runs that may be missed before it is said. */
const MISSED_RUNS = 2;
/** Comparisons of keys may take hours; of so many none has come to its end. */
const MISSED_COMPARISONS = 3;

/** What a deployment knows of a source. */
export interface KnownOfSource {
  readonly control: PullControl;
  /** Its own lane, and that of its backfills. */
  readonly state: LedgerState;
  readonly backfill: LedgerState;
}

/** How a source is doing, by what is known of it. */
export function sourceStatus(
  name: string,
  source: PulledSourceConfig,
  { control, state, backfill }: KnownOfSource,
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
  const probe = probeOf(name, source, state, backfill);
  if (probe.state === 'missing') found.push({ health: 'error', note: probe.text });
  if (probe.state === 'failed') found.push({ health: 'warn', note: probe.text });
  const late = paused === undefined ? lateComparison(source, state, nowMs) : undefined;
  if (late !== undefined) found.push({ health: 'warn', note: late });
  const limit = limitOf(source);
  const onItsWay = describeBackfill(name, source, backfill);
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
    probe,
    notes: [
      ...found.map(({ note }) => note),
      ...(onItsWay === undefined ? [] : [onItsWay]),
      ...(limit === undefined ? [] : [limit]),
      ...(isDatabase(source) && (probe.state === 'even' || probe.state === 'not-probed') ? [probe.text] : []),
      ...(source.changes === 'append' ? [] : [deletesNote(source).text]),
    ],
  };
}

/** A position or a backfill that cannot be read is said elsewhere. */
function probeOf(
  name: string,
  source: PulledSourceConfig,
  { position }: LedgerState,
  backfill: LedgerState,
): ProbeStatus {
  try {
    return probeStatus(name, source, position, parseBackfill(name, backfill.position));
  } catch (error) {
    return {
      state: 'failed',
      missing: 0,
      text: `rows cannot be counted: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
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

/** That deletes have not landed for long; undefined where they have, or nobody looks for them. */
function lateComparison(
  source: PulledSourceConfig,
  { position }: LedgerState,
  nowMs: number,
): string | undefined {
  const done = reconciledOf(position)?.done;
  if (done === undefined || !('deletes' in source) || source.deletes === undefined) return undefined;
  const { every } = source.deletes.reconcile;
  if (nowMs - done.startedAtMs < MISSED_COMPARISONS * toMs(every)) return undefined;
  return (
    `deletes have landed last as of ${new Date(done.startedAtMs).toISOString()}, and are to be found every ${every}: ` +
    'a comparison of keys does not come to its end; see whether runs end, and a backfill is on its way'
  );
}

/** That the source is backfilled; undefined where it is not. */
function describeBackfill(
  name: string,
  source: PulledSourceConfig,
  { position }: LedgerState,
): string | undefined {
  try {
    const backfill = parseBackfill(name, position);
    if (backfill === undefined || !isOpen(backfill)) return undefined;
    const { number, asked, startedAtMs } = backfill;
    const waiting =
      'deletes' in source && source.deletes !== undefined ? ', and deletes wait for its end' : '';
    return (
      `backfill ${String(number)} (${asked.from} to ${asked.to}) has been on its way since ` +
      `${new Date(startedAtMs).toISOString()}${waiting}; see headgate backfill ${name} --status`
    );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describePolling(source: PulledSourceConfig, polling: PullControl['polling']): string {
  if (polling !== undefined) return `every ${minutes(polling.everyMinutes)}: ${polling.reason}`;
  return isNotifying(source)
    ? `every ${minutes(Math.floor(slowestPollMs(source) / 60_000))}`
    : `every ${source.freshness}`;
}

const isDatabase = ({ type }: PulledSourceConfig): boolean => type === 'postgres' || type === 'mysql';
const isNotifying = (source: PulledSourceConfig): boolean => source.type === 'files' && source.notifications;

/** What the way in which a source is read cannot promise. */
function limitOf(source: PulledSourceConfig): string | undefined {
  if (source.type !== 'postgres' && source.type !== 'mysql') return undefined;
  const lookback = source.incremental?.lookback;
  if (lookback === undefined) return undefined;
  return `read with a look-back of ${lookback} and without a horizon: a row that becomes visible later than that is never read`;
}

const minutes = (count: number): string => (count === 1 ? 'minute' : `${String(count)} minutes`);
