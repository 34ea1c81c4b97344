import { describe, expect, test } from 'vitest';
import { METRIC_NAMESPACE, type MetricName } from '../../shared/domain/metrics.ts';
import {
  evaluateAlarm,
  toName,
  type AlarmProperties,
  type Doubts,
} from '../support/cloudwatch/evaluate-alarm.ts';
import { MetricHistory } from '../support/cloudwatch/metric-history.ts';
import { everything } from './configs.ts';
import { resourcesOf, synth } from './synth.ts';

/*
 * The alarms of the templates, as CloudWatch would evaluate them minute by minute over what a deployment reports on a
 * certain day. Which of them fire, and that all others stay quiet, is what a story says.
 */

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const START_MS = Date.UTC(2026, 10, 30);

/** What is not documented, both ways: a rule must not depend on it. */
const DOUBTS: readonly Doubts[] = [
  { extraPeriods: 0, fillsEmptySeries: true },
  { extraPeriods: 2, fillsEmptySeries: true },
  { extraPeriods: 2, fillsEmptySeries: false },
];

const alarms = resourcesOf(synth(everything), 'AWS::CloudWatch::Alarm').map(
  ({ Properties }) => Properties as unknown as AlarmProperties,
);

/** What a day looks like, minute by minute. */
interface Day {
  put(metric: MetricName, source: string, lane: string, value: number): void;
  /** Reports a metric of AWS as the alarm with this name reads it. */
  putFor(alarm: string, value: number): void;
}

type Story = (minute: number, day: Day) => void;

/** The names of alarms that fire at some minute of a story, without the deployment's name, and the last minute of each. */
function fired(story: Story, minutes: number, doubts: Doubts): Map<string, { first: number; last: number }> {
  const history = new MetricHistory();
  const found = new Map<string, { first: number; last: number }>();
  for (let minute = 0; minute < minutes; minute++) {
    const atMs = START_MS + minute * MINUTE_MS;
    story(minute, {
      put: (name, source, lane, value) => {
        history.put({ namespace: METRIC_NAMESPACE, name, dimensions: { source, lane } }, atMs, value);
      },
      putFor: (name, value) => {
        const { Namespace, MetricName, Dimensions } = alarmOf(name);
        if (Namespace === undefined || MetricName === undefined || Dimensions === undefined)
          throw new Error(`${name} is not an alarm of one metric`);
        history.put(toName({ Namespace, MetricName, Dimensions }), atMs, value);
      },
    });
    // What was before the story is not known: alarms that look further back than that cannot be judged yet.
    for (const alarm of alarms) {
      if (minute < WARM_UP_MINUTES || evaluateAlarm(alarm, history, atMs + MINUTE_MS, doubts) === 'OK')
        continue;
      const name = alarm.AlarmName.slice('lab-'.length);
      found.set(name, { first: found.get(name)?.first ?? minute, last: minute });
    }
  }
  return found;
}

function alarmOf(name: string): AlarmProperties {
  const found = alarms.find(({ AlarmName }) => AlarmName === `lab-${name}`);
  if (found === undefined) throw new Error(`no alarm lab-${name}`);
  return found;
}

/** Longer than any window of the alarms here but those of days. */
const WARM_UP_MINUTES = 3 * HOUR_MINUTES;

/** A deployment that is well: orders and clicks are pushed, sensors stream, the others are read on their schedules. */
function wellBehaved(minute: number, day: Day, orders = 120): void {
  for (const [source, count] of [
    ['orders', orders],
    ['clicks', 900],
  ] as const) {
    if (count === 0) continue;
    day.put('RecordsReceived', source, 'push', count);
    day.put('RecordsAccepted', source, 'push', count);
    day.put('RecordsLanded', source, 'stream', count);
    for (const latencyMs of [9_000, 21_000, 30_000]) day.put('EndToEndLatency', source, 'stream', latencyMs);
  }
  day.put('RecordsReceived', 'sensors', 'stream', 5_000);
  day.put('EndToEndLatency', 'sensors', 'stream', 12_000);
  for (const [source, lane, everyMinutes] of [
    ['rates', 'pull', 7],
    ['drops', 'pull', 13],
    ['ledger', 'extract', 9],
    ['stock', 'extract', 11],
  ] as const) {
    if (minute % everyMinutes > 0) continue;
    day.put('RecordsReceived', source, lane, 300);
    day.put('RecordsLanded', source, lane, 300);
    day.put('EndToEndLatency', source, lane, 40_000);
  }
  for (const stream of ['ingest', 'sensors']) day.putFor(`${stream}-iterator-age`, 4_000);
  watched(minute, day);
}

/** The hourly watch is started. */
function watched(minute: number, day: Day): void {
  if (minute % HOUR_MINUTES === 7) day.putFor('watch-function-idle', 1);
}

describe.each(DOUBTS)('with $extraPeriods periods more, FILL of nothing: $fillsEmptySeries', (doubts) => {
  test('a normal day: silence', () => {
    expect([...fired(wellBehaved, 8 * HOUR_MINUTES, doubts).keys()]).toEqual([]);
  });

  test('a slow night, with records of orders every quarter of an hour: silence', () => {
    const night: Story = (minute, day) => {
      wellBehaved(minute, day, minute > 240 && minute % 15 > 0 ? 0 : 3);
    };
    expect([...fired(night, 8 * HOUR_MINUTES, doubts).keys()]).toEqual([]);
  });

  test('a producer that stops is told after the configured time, and only that', () => {
    const stops: Story = (minute, day) => {
      wellBehaved(minute, day, minute < 240 ? 120 : 0);
    };
    const found = fired(stops, 6 * HOUR_MINUTES, doubts);
    expect([...found.keys()]).toEqual(['orders-stopped']);
    // 20 minutes, to the next period of 5, and as many periods more as CloudWatch may look back.
    expect(found.get('orders-stopped')?.first).toBeGreaterThanOrEqual(258);
    expect(found.get('orders-stopped')?.first).toBeLessThanOrEqual(264 + doubts.extraPeriods * 5);
  });

  test('one bad minute is no alarm; a tenth of the records refused for half an hour is', () => {
    const bad = (from: number, to: number, rejected: number): Story => {
      return (minute, day) => {
        wellBehaved(minute, day);
        if (minute >= from && minute < to) day.put('RecordsRejected', 'orders', 'push', rejected);
      };
    };
    expect([...fired(bad(240, 241, 120), 6 * HOUR_MINUTES, doubts).keys()]).toEqual([]);
    const found = fired(bad(240, 270, 12), 6 * HOUR_MINUTES, doubts);
    expect([...found.keys()]).toEqual(['orders-error-rate']);
    expect(found.get('orders-error-rate')?.first).toBeLessThanOrEqual(255);
    expect(found.get('orders-error-rate')?.last).toBeLessThanOrEqual(285);
  });

  test('records in quarantine count as the refused do', () => {
    const poison: Story = (minute, day) => {
      wellBehaved(minute, day);
      if (minute >= 240) day.put('RecordsQuarantined', 'clicks', 'stream', 90);
    };
    expect([...fired(poison, 5 * HOUR_MINUTES, doubts).keys()]).toEqual(['clicks-error-rate']);
  });

  test('late records are told, those of another source are not', () => {
    const late: Story = (minute, day) => {
      wellBehaved(minute, day);
      if (minute >= 240) day.put('EndToEndLatency', 'orders', 'stream', 200_000);
    };
    expect([...fired(late, 5 * HOUR_MINUTES, doubts).keys()]).toEqual(['orders-latency']);
  });

  test('a consumer that falls behind, and one that does not read at all', () => {
    const behind: Story = (minute, day) => {
      wellBehaved(minute, day);
      if (minute >= 240) day.putFor('ingest-iterator-age', 25 * 3_600_000);
    };
    expect([...fired(behind, 6 * HOUR_MINUTES, doubts).keys()]).toEqual(['ingest-iterator-age']);
    const dead: Story = (minute, day) => {
      if (minute < 240) wellBehaved(minute, day);
      else {
        // Senders do not notice, and the watch still looks.
        watched(minute, day);
        day.put('RecordsReceived', 'orders', 'push', 120);
        day.put('RecordsReceived', 'clicks', 'push', 900);
      }
    };
    expect([...fired(dead, 6 * HOUR_MINUTES, doubts).keys()].sort()).toEqual([
      'ingest-iterator-age',
      'sensors-iterator-age',
    ]);
  });

  test('a watch that is not started any more is told', () => {
    const blind: Story = (minute, day) => {
      wellBehaved(minute, {
        ...day,
        putFor: (name, value) => {
          if (minute < 240 || name !== 'watch-function-idle') day.putFor(name, value);
        },
      });
    };
    expect([...fired(blind, 8 * HOUR_MINUTES, doubts).keys()]).toEqual(['watch-function-idle']);
  });

  test('a dead letter is told until the queue is empty', () => {
    const letter: Story = (minute, day) => {
      wellBehaved(minute, day);
      day.putFor('pull-run-dead-letters', minute >= 240 && minute < 300 ? 1 : 0);
    };
    const found = fired(letter, 6 * HOUR_MINUTES, doubts);
    expect([...found.keys()]).toEqual(['pull-run-dead-letters']);
    expect(found.get('pull-run-dead-letters')?.last).toBeLessThanOrEqual(305);
  });

  test('a source that pauses itself is told, and is quiet otherwise', () => {
    const pauses: Story = (minute, day) => {
      wellBehaved(minute, day);
      if (minute >= 240 && minute % 7 === 0) day.put('SourcePaused', 'rates', 'pull', 1);
    };
    expect([...fired(pauses, 6 * HOUR_MINUTES, doubts).keys()]).toEqual(['rates-paused']);
  });
});
