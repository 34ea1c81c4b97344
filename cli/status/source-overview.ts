import { laneOf } from '../../shared/config/lane-of.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import { FINDING_KINDS } from '../../shared/domain/watch/finding-kinds.ts';
import { compareFindings, type WatchedSource } from '../../shared/domain/watch/source-finding.ts';
import { runbookOf } from '../../shared/domain/runbooks.ts';
import type { HourCounts } from '../../shared/domain/record-counts.ts';
import type { MonthBudget } from '../budgets.ts';
import { sourceStatus, type Health, type KnownOfSource, type SourceStatus } from '../pull/source-status.ts';
import { countedHours, sumCounts, type CountedHour, type SourceCounts } from './source-counts.ts';

/** How a source is doing, whatever its type. */
export interface SourceOverview extends Partial<SourceStatus> {
  readonly source: string;
  readonly type: string;
  /** How its records get to the lake. */
  readonly lane: 'stream' | 'landing' | 'schedule';
  readonly health: Health;
  readonly counts: SourceCounts;
  readonly hours: readonly CountedHour[];
  readonly findings: readonly SourceNote[];
  /** When the watch last looked, ISO 8601; undefined: it has not yet. */
  readonly watchedAt: string | undefined;
  readonly budget: MonthBudget | undefined;
  /** What is to be known, and what to do about it; the worst first. */
  readonly notes: readonly string[];
}

/** Something that the hourly watch has found. */
interface SourceNote {
  readonly kind: string;
  readonly severity: 'critical' | 'warning';
  readonly message: string;
  readonly next: string;
  readonly runbook: string;
}

/** What a deployment knows of a source. */
export interface KnownOfAnySource {
  readonly hours: readonly HourCounts[];
  readonly watched: WatchedSource | undefined;
  readonly budget: MonthBudget | undefined;
  /** Of sources that are read on a schedule. */
  readonly pulled: KnownOfSource | undefined;
}

const RANKS: readonly Health[] = ['ok', 'warn', 'error', 'paused'];

/** How a source is doing, by what is known of it. */
export function sourceOverview(
  name: string,
  source: SourceConfig,
  { hours, watched, budget, pulled }: KnownOfAnySource,
  nowMs: number,
): SourceOverview {
  const counted = countedHours(source, hours, nowMs);
  const counts = sumCounts(counted);
  const findings = [...(watched?.findings ?? [])]
    .sort(compareFindings)
    .map(({ kind, message }): SourceNote => {
      const { severity, nextStep, runbook } = FINDING_KINDS[kind];
      return { kind, severity, message, next: nextStep, runbook: runbookOf(runbook) };
    });
  const isPulled = 'pauseAfterFailures' in source;
  const status = isPulled && pulled !== undefined ? sourceStatus(name, source, pulled, nowMs) : undefined;
  const found: { readonly health: Health; readonly note: string }[] = [
    ...findings.map(({ severity, message, runbook }) => ({
      health: severity === 'critical' ? ('error' as const) : ('warn' as const),
      note: `${message} (${runbook})`,
    })),
  ];
  if (counts.missing > 0 && !findings.some(({ kind }) => kind === 'completeness')) {
    found.push({
      health: 'error',
      note:
        `${String(counts.missing)} records that were accepted are missing in the lake; see of which hours: ` +
        `headgate status ${name} --hours (${runbookOf('completeness')})`,
    });
  }
  if (budget?.slowedSince !== undefined) {
    found.push({
      health: 'warn',
      note: `over its monthly budget, and slowed down since ${budget.slowedSince}; see headgate cost ${name}`,
    });
  }
  if (!isPulled && counts.quarantined > 0) {
    found.push({
      health: 'warn',
      note: `${String(counts.quarantined)} records are in quarantine; see why: headgate dlq list --source ${name}`,
    });
  }
  const healths: Health[] = [...found.map(({ health }) => health), status?.health ?? 'ok'];
  const notes = [...found.map(({ note }) => note), ...(status?.notes ?? [])];
  return {
    ...status,
    source: name,
    type: source.type,
    lane: isPulled ? 'schedule' : source.type === 'stream' ? 'stream' : laneOf(source),
    health: healths.reduce((worst, health) => (rank(health) > rank(worst) ? health : worst), 'ok'),
    counts,
    hours: counted,
    findings,
    watchedAt: watched === undefined ? undefined : new Date(watched.checkedAtMs).toISOString(),
    budget,
    notes,
  };
}

const rank = (health: Health): number => RANKS.indexOf(health);
