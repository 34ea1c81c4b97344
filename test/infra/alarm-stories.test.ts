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

const templates = synth(everything);
const alarms = resourcesOf(templates, 'AWS::CloudWatch::Alarm').map(
  ({ Properties }) => Properties as unknown as AlarmProperties,
);
const composites = resourcesOf(templates, 'AWS::CloudWatch::CompositeAlarm').map(
  ({ Properties }) => Properties as unknown as { readonly AlarmName: string; readonly AlarmRule: unknown },
);

/** The name of an alarm's resource, by which rules of composite alarms refer to it. */
function logicalIdOf(name: string): string {
  for (const template of templates.values()) {
    const found = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).find(
      ([, { Properties }]) => (Properties as { AlarmName: string }).AlarmName === `lab-${name}`,
    );
    if (found !== undefined) return found[0];
  }
  throw new Error(`no alarm lab-${name}`);
}

/** What a day looks like, minute by minute. */
interface Day {
  put(metric: MetricName, source: string, value: number): void;
  /** `failed` of so many records are refused, or go to quarantine. */
  records(source: string, received: number, failed?: number): void;
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
      put: (name, source, value) => {
        history.put({ namespace: METRIC_NAMESPACE, name, dimensions: { source } }, atMs, value);
      },
      records: (source, received, failed = 0) => {
        const errors = { namespace: METRIC_NAMESPACE, name: 'RecordErrors', dimensions: { source } };
        history.put(errors, atMs, 0, received - failed);
        history.put(errors, atMs, 1, failed);
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
function wellBehaved(minute: number, day: Day, orders = 120, failedOrders = 0): void {
  for (const [source, count, failed] of [
    ['orders', orders, failedOrders],
    ['clicks', 900, 0],
  ] as const) {
    if (count === 0) continue;
    day.records(source, count, failed);
    for (const latencyMs of [9_000, 21_000, 30_000]) day.put('EndToEndLatency', source, latencyMs);
  }
  day.records('sensors', 5_000);
  day.put('EndToEndLatency', 'sensors', 12_000);
  readOnSchedule(minute, day, READ);
  for (const stream of ['ingest', 'sensors']) day.putFor(`${stream}-iterator-age`, 4_000);
  watched(minute, day);
}

/** The hourly watch is started. */
function watched(minute: number, day: Day): void {
  if (minute % HOUR_MINUTES === 7) day.putFor('watch-function-idle', 1);
}

/** Sources that are read, and after how many minutes each time. */
const READ = { rates: 7, drops: 13, ledger: 9, stock: 11 } as const;

const without = (source: keyof typeof READ): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(READ).filter(([name]) => name !== source));

function readOnSchedule(minute: number, day: Day, read: Readonly<Record<string, number>>): void {
  for (const [source, everyMinutes] of Object.entries(read)) {
    if (minute % everyMinutes > 0) continue;
    day.records(source, 300);
    day.put('CheckpointAge', source, 2_000);
  }
}

/** What the alarms of one deployment tell people: what has actions, and whose rule holds. */
function toldOf(found: ReadonlySet<string>): string[] {
  const told = [...found].filter((name) => (alarmOf(name).AlarmActions ?? []).length > 0);
  for (const { AlarmName, AlarmRule: rule } of composites) {
    const text = JSON.stringify(rule);
    const logicalIds = [...found].map((name) => logicalIdOf(name));
    if (logicalIds.some((id) => text.includes(`"${id}"`))) told.push(AlarmName.slice('lab-'.length));
  }
  return told.sort();
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

  test('one bad minute is no alarm; a tenth of the records refused or quarantined for half an hour is', () => {
    const bad = (from: number, to: number, failed: number): Story => {
      return (minute, day) => {
        wellBehaved(minute, day, 120, minute >= from && minute < to ? failed : 0);
      };
    };
    expect([...fired(bad(240, 241, 120), 6 * HOUR_MINUTES, doubts).keys()]).toEqual([]);
    const found = fired(bad(240, 270, 12), 6 * HOUR_MINUTES, doubts);
    expect([...found.keys()]).toEqual(['orders-error-rate']);
    expect(found.get('orders-error-rate')?.first).toBeLessThanOrEqual(255);
    expect(found.get('orders-error-rate')?.last).toBeLessThanOrEqual(285);
  });

  test('late records are told, those of another source are not', () => {
    const late: Story = (minute, day) => {
      wellBehaved(minute, day);
      if (minute >= 240) day.put('EndToEndLatency', 'orders', 200_000);
    };
    expect([...fired(late, 5 * HOUR_MINUTES, doubts).keys()]).toEqual(['orders-latency']);
  });

  test('several things that are wrong with one source are told once, those of another source too', () => {
    const both: Story = (minute, day) => {
      wellBehaved(minute, day, 120, minute >= 240 ? 60 : 0);
      if (minute >= 240) {
        day.put('EndToEndLatency', 'orders', 200_000);
        day.put('EndToEndLatency', 'clicks', 900_000);
      }
    };
    const found = new Set(fired(both, 5 * HOUR_MINUTES, doubts).keys());
    expect([...found].sort()).toEqual(['clicks-latency', 'orders-error-rate', 'orders-latency']);
    expect(toldOf(found)).toEqual(['clicks-critical', 'orders-critical']);
  });

  test('what the hourly watch finds is told for as long as it finds it: as critical, or as a warning', () => {
    const found = (metric: 'CriticalFindings' | 'WarningFindings'): ReturnType<typeof fired> =>
      fired(
        (minute, day) => {
          wellBehaved(minute, day);
          if (minute >= 240 && minute < 360 && minute % HOUR_MINUTES === 5) day.put(metric, 'clicks', 1);
        },
        9 * HOUR_MINUTES,
        doubts,
      );
    const missing = found('CriticalFindings');
    expect([...missing.keys()]).toEqual(['clicks-findings']);
    expect(missing.get('clicks-findings')?.first).toBeLessThanOrEqual(246 + 15);
    expect(missing.get('clicks-findings')?.last).toBeLessThan(360 + 75 + doubts.extraPeriods * 15);
    expect(toldOf(new Set(missing.keys()))).toEqual(['clicks-critical']);
    const unusual = new Set(found('WarningFindings').keys());
    expect([...unusual]).toEqual(['clicks-warnings']);
    expect(toldOf(unusual)).toEqual(['clicks-warnings']);
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
        day.records('orders', 120);
        day.records('clicks', 900);
        readOnSchedule(minute, day, READ);
      }
    };
    const found = new Set(fired(dead, 6 * HOUR_MINUTES, doubts).keys());
    expect([...found].sort()).toEqual(['ingest-iterator-age', 'sensors-iterator-age']);
    // The shared stream is nobody's own.
    expect(toldOf(found)).toEqual(['ingest-iterator-age', 'sensors-critical']);
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

  test('a source that is read on a schedule: one failed run is no alarm; failing, pausing itself and having no schedule are', () => {
    const others = without('rates');
    const failing = (from: number, to: number): Story => {
      return (minute, day) => {
        if (minute < from || minute >= to) wellBehaved(minute, day);
        else {
          day.records('orders', 120);
          day.records('clicks', 900);
          day.records('sensors', 5_000);
          for (const stream of ['ingest', 'sensors']) day.putFor(`${stream}-iterator-age`, 4_000);
          watched(minute, day);
          readOnSchedule(minute, day, others);
        }
      };
    };
    expect([...fired(failing(240, 250), 6 * HOUR_MINUTES, doubts).keys()]).toEqual([]);
    const found = fired(failing(240, 330), 7 * HOUR_MINUTES, doubts);
    expect([...found.keys()]).toEqual(['rates-late']);
    expect(found.get('rates-late')?.first).toBeLessThanOrEqual(240 + 35 + doubts.extraPeriods * 5);
    expect(found.get('rates-late')?.last).toBeLessThanOrEqual(345);
  });

  test('a database whose lake falls behind although its runs succeed is told', () => {
    const behind: Story = (minute, day) => {
      const others = without('ledger');
      day.records('orders', 120);
      day.records('clicks', 900);
      day.records('sensors', 5_000);
      for (const stream of ['ingest', 'sensors']) day.putFor(`${stream}-iterator-age`, 4_000);
      watched(minute, day);
      readOnSchedule(minute, day, minute < 240 ? READ : others);
      if (minute >= 240 && minute % 9 === 0) day.put('CheckpointAge', 'ledger', 86_400_000);
    };
    expect([...fired(behind, 7 * HOUR_MINUTES, doubts).keys()]).toEqual(['ledger-late']);
  });
});
