import { Duration } from 'aws-cdk-lib/core';
import { maxLatencyMs } from '../shared/config/max-latency.ts';
import type { PulledSourceConfig, SourceConfig } from '../shared/config/schema.ts';
import { toMs } from '../shared/config/units.ts';
import { laneOf } from '../shared/config/lane-of.ts';
import { slowedPollMs } from '../shared/config/plan/slowest-poll.ts';
import { slowingOf, type Slowing } from '../shared/config/slowing-of.ts';
import { planAlarmWindow } from './alarm-window.ts';
import { warningAlarmId } from '../shared/domain/alarm-names.ts';
import type { AlarmRow } from './constructs/alarms.ts';
import { landingWindowMinutes } from '../shared/config/plan/landing-schedules.ts';
import { sourceMetric } from './source-metrics.ts';

const MIN_PAUSE_WINDOW_MS = 900_000;
/** The longest that CloudWatch looks back: a source that is read less often has its alarm end before its next run. */
const MAX_PAUSE_WINDOW_MS = 7 * 86_400_000;

/** What becomes of a source that is over its budget. */
const SLOWED: Readonly<Record<Slowing, string>> = {
  landing: 'Its records go through the landing zone instead of the stream, and land each hour.',
  hourly: 'Its records land each hour.',
  polling: 'It is read less often.',
  none: 'It cannot be slowed down.',
};

/** Findings are sent each hour for as long as they hold. */
const FINDINGS_PERIOD = Duration.minutes(15);
const FINDINGS_PERIODS = 5;
/** Runs that may be missed or fail before it is told, where the source is read often enough to see that. */
const MISSED_RUNS = 3;

/** The alarms of one source. */
export function sourceAlarms(name: string, source: SourceConfig): readonly AlarmRow[] {
  const { alarms } = source;
  const critical = { severity: 'critical', source: name } as const;
  const warning = { severity: 'warning', source: name } as const;
  const rows: AlarmRow[] = [
    {
      ...critical,
      id: `${name}-error-rate`,
      runbook: 'error-rate',
      description:
        `More than ${String(alarms.maxErrorRate * 100)} % of the records of ${name} are refused or quarantined. ` +
        `Look at the reasons with npx headgate dlq list --source ${name}, then mend the sender or widen the contract.`,
      metric: sourceMetric('RecordErrors', name, 'Average'),
      when: 'above',
      threshold: alarms.maxErrorRate,
      periods: 3,
      wrongPeriods: 2,
      silence: 'fine',
    },
    {
      ...critical,
      id: `${name}-findings`,
      runbook: 'findings',
      description:
        `Records of ${name} are missing, or something else was found that must be mended. ` +
        `Look at npx headgate status ${name}: it says what, of which hour, and what to do.`,
      metric: sourceMetric('CriticalFindings', name, 'Sum', FINDINGS_PERIOD),
      when: 'above',
      threshold: 0,
      periods: FINDINGS_PERIODS,
      wrongPeriods: 1,
      silence: 'fine',
    },
    {
      ...warning,
      id: warningAlarmId(name),
      runbook: 'warnings',
      description:
        `Something about ${name} is unusual: its volume, its cost, or the fields of its records. ` +
        `Look at npx headgate status ${name}.`,
      metric: sourceMetric('WarningFindings', name, 'Sum', FINDINGS_PERIOD),
      when: 'above',
      threshold: 0,
      periods: FINDINGS_PERIODS,
      wrongPeriods: 1,
      silence: 'fine',
    },
    'pauseAfterFailures' in source ? pulledAlarm(name, source) : latencyAlarm(name, source),
  ];
  if ('overflow' in source && source.overflow === 'spill') {
    rows.push({
      ...warning,
      id: `${name}-spilled`,
      runbook: 'spilled',
      description:
        `The stream does not take all records of ${name}: the landing zone has them, and they land later. If it lasts, ` +
        'raise ingest.shards, or look at why the consumer is behind.',
      metric: sourceMetric('RequestsSpilled', name, 'Sum'),
      when: 'above',
      threshold: 0,
      periods: 3,
      wrongPeriods: 2,
      silence: 'fine',
    });
  }
  if (source.budget?.usdPerMonth !== undefined) {
    const longestMs = 'pauseAfterFailures' in source ? 2 * slowedPollMs(source) : MIN_PAUSE_WINDOW_MS;
    const window = planAlarmWindow(Math.min(MAX_PAUSE_WINDOW_MS, Math.max(MIN_PAUSE_WINDOW_MS, longestMs)));
    rows.push({
      ...warning,
      id: `${name}-over-budget`,
      runbook: 'over-budget',
      description:
        `The month of ${name} is projected to cost more than its budget of $${String(source.budget.usdPerMonth)}. ` +
        `${SLOWED[slowingOf(source)]} Nothing is refused or lost. See what it costs with npx headgate cost, and what ` +
        `would be cheaper with npx headgate plan ${name}; or raise sources.${name}.budget.usdPerMonth.`,
      metric: sourceMetric('OverBudget', name, 'Sum', Duration.seconds(window.periodSeconds)),
      when: 'above',
      threshold: 0,
      periods: window.periods,
      wrongPeriods: 1,
      silence: 'fine',
    });
  }
  if (alarms.stoppedAfter !== undefined) {
    const window = planAlarmWindow(toMs(alarms.stoppedAfter));
    rows.push({
      ...critical,
      id: `${name}-stopped`,
      runbook: 'stopped',
      description:
        `Nothing has been received from ${name} for ${alarms.stoppedAfter}. Ask whether the sender runs and has a ` +
        'valid key (push, stream) or the secret of this source (webhook); of a source that is read on a schedule, look ' +
        `at: npx headgate status ${name}.`,
      metric: sourceMetric('RecordErrors', name, 'SampleCount', Duration.seconds(window.periodSeconds)),
      when: 'below',
      threshold: 1,
      periods: window.periods,
      wrongPeriods: window.periods,
      silence: 'wrong',
    });
  }
  return rows;
}

/** Of records that are sent: each says how long it took. */
function latencyAlarm(name: string, source: SourceConfig): AlarmRow {
  return {
    severity: 'critical',
    source: name,
    id: `${name}-latency`,
    runbook: 'latency',
    description:
      `The slowest 1 % of the records of ${name} reach the lake later than agreed. ` +
      (windowMinutesOf(source) > 0
        ? 'Look at the runs of the land function and its dead letters; a run that does not get done asks for ' +
          'pattern: "stream".'
        : 'Look at the iterator age and the errors of its lane; a growing iterator age asks for more shards.'),
    metric: sourceMetric('EndToEndLatency', name, 'p99'),
    when: 'above',
    threshold: maxLatencyMs(source),
    periods: 4,
    wrongPeriods: 3,
    silence: 'fine',
  };
}

/**
 * Of a source that is read on a schedule: a run that succeeds says how far the lake is behind. One that fails, does not
 * begin or is left out, because the source has paused itself, says nothing. Sources that are read so seldom that CloudWatch
 * does not look back as far are told when they have paused themselves; each run that they leave out says so.
 */
function pulledAlarm(name: string, source: PulledSourceConfig): AlarmRow {
  const critical = { severity: 'critical', source: name } as const;
  const pausing = `after ${String(source.pauseAfterFailures)} failures in a row it pauses itself`;
  const silentMs = Math.max(MIN_PAUSE_WINDOW_MS, MISSED_RUNS * slowedPollMs(source));
  if (silentMs <= MAX_PAUSE_WINDOW_MS) {
    const window = planAlarmWindow(silentMs);
    return {
      ...critical,
      id: `${name}-late`,
      runbook: 'late',
      description:
        `${name} was not read up to date for too long: its runs fail, do not begin or do not get done; ${pausing}. ` +
        `Look at the error with npx headgate status ${name}, mend its cause, and if it has paused: npx headgate resume ` +
        `${name}. Nothing is lost: it goes on where it was.`,
      metric: sourceMetric('CheckpointAge', name, 'Minimum', Duration.seconds(window.periodSeconds)),
      when: 'above',
      threshold: maxLatencyMs(source),
      periods: window.periods,
      wrongPeriods: window.periods,
      silence: 'wrong',
    };
  }
  const window = planAlarmWindow(MAX_PAUSE_WINDOW_MS);
  return {
    ...critical,
    id: `${name}-paused`,
    runbook: 'paused',
    description:
      `${name} has paused itself: ${String(source.pauseAfterFailures)} runs in a row failed. Look at the error with ` +
      `npx headgate status ${name}, mend its cause, then: npx headgate resume ${name}. Nothing is lost: it goes on ` +
      'where it was.',
    metric: sourceMetric('SourcePaused', name, 'Sum', Duration.seconds(window.periodSeconds)),
    when: 'above',
    threshold: 0,
    periods: window.periods,
    wrongPeriods: 1,
    silence: 'fine',
  };
}

/** Minutes between two commits of a source that is landed on a schedule; 0 for others. */
function windowMinutesOf(source: SourceConfig): number {
  const isCollected = (source.type === 'push' || source.type === 'webhook') && laneOf(source) === 'landing';
  return isCollected ? landingWindowMinutes(source) : 0;
}
