import type { WatchTarget } from '../../config/watch-settings-of.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { hourStartMs, type HourCounts } from '../../domain/record-counts.ts';
import { runbookOf } from '../../domain/runbooks.ts';
import { costHours } from '../../domain/watch/find-cost-spike.ts';
import { surplusOf } from '../../domain/watch/find-missing.ts';
import { volumeHour } from '../../domain/watch/find-volume-drop.ts';
import { toFindingEvent } from '../../domain/watch/finding-event.ts';
import { FINDING_KINDS } from '../../domain/watch/finding-kinds.ts';
import { judgeSource, oldestJudgedHour } from '../../domain/watch/judge-source.ts';
import { changesOf, type FindingChange, type SourceFinding } from '../../domain/watch/source-finding.ts';
import {
  COMPARED_WEEKS,
  lastFullHour,
  lastSettledHour,
  WEEK_HOURS,
  type WatchSettings,
} from '../../domain/watch/watch-settings.ts';
import { toAmount, toHourText } from '../../domain/watch/words.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CostHistory } from '../../ports/cost-history.ts';
import type { CostLog } from '../../ports/cost-log.ts';
import { COUNT_RETENTION_DAYS, type CountStore } from '../../ports/count-store.ts';
import type { FindingEvents } from '../../ports/finding-events.ts';
import type { FindingStore } from '../../ports/finding-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

export interface WatchDeps {
  readonly deployment: string;
  readonly sources: readonly WatchTarget[];
  readonly counts: Pick<CountStore, 'read'>;
  readonly findings: FindingStore;
  readonly costs: CostHistory;
  readonly costLog: CostLog;
  readonly events: FindingEvents;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly telemetry: Telemetry;
}

/** What a run has found, for people who start it by hand. */
export interface WatchOutcome {
  readonly sources: readonly { readonly source: string; readonly findings: readonly SourceFinding[] }[];
}

/** Sources at a time. */
const CONCURRENCY = 8;
/** Hours of costs that are read when they are not known yet: after runs that did not come to it. */
const CAUGHT_UP_HOURS = 6;
/** An hour less than counts are kept: at their end they go one by one. */
const KEPT_HOURS = COUNT_RETENTION_DAYS * 24 - 1;

/**
 * Judges every source by its counters, tells what has changed, and keeps what was found. One that fails does not keep the
 * others from being judged; the run fails at its end, and is repeated: what was told and kept is not told again.
 */
export async function watchSources(deps: WatchDeps): Promise<WatchOutcome> {
  const nowMs = deps.clock.nowMs();
  const failures: { readonly what: string; readonly error: unknown }[] = [];
  const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      deps.telemetry.log('error', `${what} failed`, { error: textOf(error) });
      failures.push({ what, error });
    }
  };
  await attempt('reading what the last hours have cost', () => noteCosts(deps, nowMs));
  const found = new Map<string, readonly SourceFinding[]>();
  await forEachLimited(deps.sources, CONCURRENCY, async ({ settings }) => {
    await attempt(`watching ${settings.source}`, async () => {
      found.set(settings.source, await watchSource(deps, settings, nowMs));
    });
  });
  if (failures.length > 0) {
    throw new AggregateError(
      failures.map(({ error }) => error),
      failures.map(({ what, error }) => `${what} failed: ${textOf(error)}`).join('; '),
    );
  }
  return { sources: [...found].map(([source, findings]) => ({ source, findings })) };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Keeps what the last hours have cost, as far as that is not known: sources without a line have cost nothing. */
async function noteCosts({ sources, costs, costLog }: WatchDeps, nowMs: number): Promise<void> {
  const last = lastFullHour(nowMs);
  const first = last - CAUGHT_UP_HOURS + 1;
  const unknown = new Map<number, WatchTarget[]>();
  await forEachLimited(sources, CONCURRENCY, async (target) => {
    const known = new Set((await costs.read(target.settings.source, first, last)).map(({ hour }) => hour));
    for (let hour = first; hour <= last; hour++) {
      if (known.has(hour)) continue;
      const others = unknown.get(hour);
      if (others === undefined) unknown.set(hour, [target]);
      else others.push(target);
    }
  });
  for (const [hour, targets] of [...unknown].sort(([a], [b]) => a - b)) {
    const usd = await costLog.read(
      targets.map(({ settings, lanes }) => ({ source: settings.source, lanes })),
      { fromMs: hourStartMs(hour), toMs: hourStartMs(hour + 1) },
    );
    await forEachLimited(targets, CONCURRENCY, async ({ settings: { source } }) => {
      await costs.note(source, { hour, usd: usd.get(source) ?? 0 });
    });
  }
}

async function watchSource(
  deps: WatchDeps,
  settings: WatchSettings,
  nowMs: number,
): Promise<readonly SourceFinding[]> {
  const { source } = settings;
  const before = (await deps.findings.read(source))?.findings ?? [];
  const oldestHour = oldestJudgedHour(before, nowMs, KEPT_HOURS);
  const [hours, costs] = await Promise.all([
    readHours(deps, settings, nowMs, oldestHour),
    readCosts(deps, source, nowMs),
  ]);
  const found = judgeSource(settings, { hours, costs, before }, nowMs, oldestHour);
  const changes = changesOf(before, found, oldestHour);
  report(deps, settings, found, changes);
  reportSurplus(deps, settings, hours.get(lastSettledHour(settings, nowMs)));
  await deps.events.tell(changes.map((change) => toFindingEvent(deps.deployment, source, change)));
  await deps.findings.save(source, { checkedAtMs: nowMs, findings: found });
  return found;
}

/** Counts of the last days, and of the times that their volume is compared with. */
async function readHours(
  { counts }: WatchDeps,
  settings: WatchSettings,
  nowMs: number,
  oldestHour: number,
): Promise<ReadonlyMap<number, HourCounts>> {
  const { source, volumeWindows, maxVolumeDrop } = settings;
  const longest = maxVolumeDrop === false ? 0 : Math.max(0, ...volumeWindows);
  const last = volumeHour(settings, nowMs);
  const periods: [from: number, to: number][] = [[oldestHour, lastFullHour(nowMs)]];
  if (longest > 0) {
    for (let week = 0; week <= COMPARED_WEEKS; week++) {
      const to = last - week * WEEK_HOURS;
      periods.push([to - longest + 1, to]);
    }
  }
  const read = await Promise.all(periods.map(([from, to]) => counts.read(source, from, to)));
  return new Map(read.flat().map((each) => [each.hour, each]));
}

async function readCosts(
  { costs }: WatchDeps,
  source: string,
  nowMs: number,
): Promise<ReadonlyMap<number, number>> {
  const { first, last } = costHours(nowMs);
  return new Map((await costs.read(source, first, last)).map(({ hour, usd }) => [hour, usd]));
}

/** What is wrong is counted and logged each hour, so that alarms last as long as it does. */
function report(
  { telemetry }: WatchDeps,
  { source }: WatchSettings,
  found: readonly SourceFinding[],
  changes: readonly FindingChange[],
): void {
  const statuses = new Map(changes.map(({ status, finding }) => [finding, status]));
  for (const finding of found) {
    const { kind, amount, message } = finding;
    const { severity } = FINDING_KINDS[kind];
    telemetry.count(severity === 'critical' ? 'CriticalFindings' : 'WarningFindings', source, 1);
    if (kind === 'completeness') telemetry.count('MissingRecords', source, amount);
    telemetry.log(severity === 'critical' ? 'error' : 'warn', message, {
      source,
      severity,
      status: statuses.get(finding) ?? 'open',
      ...fieldsOf(finding),
    });
  }
  for (const { status, finding } of changes) {
    if (status === 'ended' || status === 'expired')
      telemetry.log('info', `finding has ${status}`, { source, status, ...fieldsOf(finding) });
  }
}

const fieldsOf = ({ kind, hour, amount, expected }: SourceFinding): Readonly<Record<string, unknown>> => ({
  finding: kind,
  hour: new Date(hourStartMs(hour)).toISOString(),
  amount,
  expected,
  runbook: runbookOf(FINDING_KINDS[kind].runbook),
});

/** More than was accepted is no loss: frames whose senders were told to repeat them, and second copies. */
function reportSurplus(
  { telemetry }: WatchDeps,
  settings: WatchSettings,
  counts: HourCounts | undefined,
): void {
  const surplus = counts === undefined ? 0 : surplusOf(settings, counts);
  if (counts === undefined || surplus === 0) return;
  telemetry.log(
    'info',
    `${toAmount(surplus, 'record')} more than accepted are settled in the hour from ${toHourText(counts.hour)}: ` +
      'copies, or records whose sender was told to repeat them',
    { source: settings.source, hour: new Date(hourStartMs(counts.hour)).toISOString(), surplus },
  );
}
