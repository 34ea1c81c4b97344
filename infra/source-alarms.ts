import { Duration } from 'aws-cdk-lib/core';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { maxLatencyMs } from '../shared/config/max-latency.ts';
import type { SourceConfig } from '../shared/config/schema.ts';
import { toMs } from '../shared/config/units.ts';
import { laneOf } from '../shared/config/lane-of.ts';
import { slowedPollMs, slowestPollMs } from '../shared/config/plan/slowest-poll.ts';
import { slowingOf, type Slowing } from '../shared/config/slowing-of.ts';
import { planAlarmWindow } from './alarm-window.ts';
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

/** The alarms of one source. */
export function sourceAlarms(name: string, source: SourceConfig): readonly AlarmRow[] {
  const { alarms } = source;
  const rows: AlarmRow[] = [
    {
      id: `${name}-error-rate`,
      runbook: 'error-rate',
      description:
        `More than ${String(alarms.maxErrorRate * 100)} % of the records of ${name} are refused or quarantined. ` +
        'Look at the reasons under quarantine/ in the lake, then mend the sender or widen the contract.',
      metric: errorRate(name, source),
      when: 'above',
      threshold: alarms.maxErrorRate * 100,
      periods: 3,
      wrongPeriods: 2,
      silence: 'fine',
    },
    {
      id: `${name}-latency`,
      runbook: 'latency',
      description:
        `The slowest 1 % of the records of ${name} reach the lake later than agreed. ` +
        (windowMinutesOf(source) > 0
          ? 'Look at the runs of the land function and its dead letters; a run that does not get done asks for ' +
            'pattern: "stream".'
          : 'pauseAfterFailures' in source
            ? `Look at its runs and errors: npx headgate status ${name}.`
            : 'Look at the iterator age and the errors of its lane; a growing iterator age asks for more shards.'),
      metric: sourceMetric('EndToEndLatency', name, source, 'p99'),
      when: 'above',
      threshold: maxLatencyMs(source),
      periods: 4,
      wrongPeriods: 3,
      silence: 'fine',
    },
  ];
  if ('overflow' in source && source.overflow === 'spill') {
    rows.push({
      id: `${name}-spilled`,
      runbook: 'spilled',
      description:
        `The stream does not take all records of ${name}: the landing zone has them, and they land later. If it lasts, ` +
        'raise ingest.shards, or look at why the consumer is behind.',
      metric: sourceMetric('RequestsSpilled', name, source, 'Sum'),
      when: 'above',
      threshold: 0,
      periods: 3,
      wrongPeriods: 2,
      silence: 'fine',
    });
  }
  if ('pauseAfterFailures' in source) {
    // It is said by each run that is left out, so the window must hold one.
    const window = planAlarmWindow(
      Math.min(MAX_PAUSE_WINDOW_MS, Math.max(MIN_PAUSE_WINDOW_MS, 2 * slowestPollMs(source))),
    );
    rows.push({
      id: `${name}-paused`,
      runbook: 'paused',
      description:
        `${name} has paused itself: ${String(source.pauseAfterFailures)} runs in a row failed. Look at the error with ` +
        `npx headgate status ${name}, mend its cause, then: npx headgate resume ${name}. Nothing is lost: it goes on ` +
        'where it was.',
      metric: sourceMetric('SourcePaused', name, source, 'Sum', Duration.seconds(window.periodSeconds)),
      when: 'above',
      threshold: 0,
      periods: window.periods,
      wrongPeriods: 1,
      silence: 'fine',
    });
  }
  if (source.budget?.usdPerMonth !== undefined) {
    const longestMs = 'pauseAfterFailures' in source ? 2 * slowedPollMs(source) : MIN_PAUSE_WINDOW_MS;
    const window = planAlarmWindow(Math.min(MAX_PAUSE_WINDOW_MS, Math.max(MIN_PAUSE_WINDOW_MS, longestMs)));
    rows.push({
      id: `${name}-over-budget`,
      runbook: 'over-budget',
      description:
        `The month of ${name} is projected to cost more than its budget of $${String(source.budget.usdPerMonth)}. ` +
        `${SLOWED[slowingOf(source)]} Nothing is refused or lost. See what it costs with npx headgate cost, and what ` +
        `would be cheaper with npx headgate plan ${name}; or raise sources.${name}.budget.usdPerMonth.`,
      metric: sourceMetric('OverBudget', name, source, 'Sum', Duration.seconds(window.periodSeconds)),
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
      id: `${name}-stopped`,
      runbook: 'stopped',
      description:
        `Nothing has been received from ${name} for ${alarms.stoppedAfter}. Ask whether the sender runs and has a ` +
        'valid key (push, stream) or the secret of this source (webhook); of a source that is read on a schedule, look ' +
        `at: npx headgate status ${name}.`,
      metric: sourceMetric('RecordsReceived', name, source, 'Sum', Duration.seconds(window.periodSeconds)),
      when: 'below',
      threshold: 1,
      periods: window.periods,
      wrongPeriods: window.periods,
      silence: 'wrong',
    });
  }
  return rows;
}

/** Minutes between two commits of a source that is landed on a schedule; 0 for others. */
function windowMinutesOf(source: SourceConfig): number {
  const isCollected = (source.type === 'push' || source.type === 'webhook') && laneOf(source) === 'landing';
  return isCollected ? landingWindowMinutes(source) : 0;
}

/** Per cent of the received records that did not become rows of the lake. A metric that is silent counts as 0. */
function errorRate(name: string, source: SourceConfig): MathExpression {
  return new MathExpression({
    expression: '100 * (FILL(rejected, 0) + FILL(quarantined, 0)) / received',
    usingMetrics: {
      received: sourceMetric('RecordsReceived', name, source, 'Sum'),
      rejected: sourceMetric('RecordsRejected', name, source, 'Sum'),
      quarantined: sourceMetric('RecordsQuarantined', name, source, 'Sum'),
    },
    // Records are received all the time, and landed or put into quarantine once in a window.
    period: Duration.minutes(Math.max(5, windowMinutesOf(source))),
    label: `${name}: % of records refused or quarantined`,
  });
}
