import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../../shared/config/schema.ts';
import { settledWithinMs, watchTargetsOf } from '../../../shared/config/watch-settings-of.ts';
import type { WatchSettings } from '../../../shared/domain/watch/watch-settings.ts';
import { ledger, orders } from '../../infra/configs.ts';

type SourceInput = HeadgateConfigInput['sources'][string];

const MINUTES = 60_000;

const minutesOf = (source: object): number => {
  const config = parseConfig({ sources: { a: source as SourceInput } });
  const [settings] = Object.values(config.sources);
  return settings === undefined ? NaN : settledWithinMs(settings) / MINUTES;
};
const settingsOf = (source: object): WatchSettings | undefined =>
  watchTargetsOf(parseConfig({ sources: { a: source as SourceInput } }))[0]?.settings;

const plain = { ...orders, alarms: {} };
const read = { ...ledger, alarms: {}, polling: undefined };

describe('what was received is settled', () => {
  test.each([
    ['streamed: five minutes at least', { ...plain, freshness: '10 seconds' }, 5],
    ['streamed: twice the freshness', { ...plain, pattern: 'stream', freshness: '20 minutes' }, 40],
    ['as was agreed', { ...plain, freshness: '10 seconds', alarms: { maxLatency: '30 minutes' } }, 30],
    // Windows of five minutes, two of them and the longest run.
    ['collected', { ...plain, freshness: '10 minutes', pattern: 'micro-batch' }, 25],
    ['collected each hour', { ...plain, freshness: '30 minutes', pattern: 'micro-batch' }, 60],
    ['spilled', { ...plain, freshness: '10 minutes', pattern: 'stream', overflow: 'spill' }, 25],
    [
      'slowed down to hourly runs while over its budget',
      { ...plain, freshness: '10 minutes', pattern: 'micro-batch', budget: { usdPerMonth: 5 } },
      135,
    ],
    ['read', { ...read, freshness: '1 hour' }, 120],
    ['after a day at most', { ...plain, freshness: '30 days', pattern: 'micro-batch' }, 24 * 60],
  ])('%s', (_, source, minutes) => {
    expect(minutesOf(source)).toBe(minutes);
  });
});

describe('volumes are compared', () => {
  test.each([
    ['of hours, where records come by themselves', plain, [1, 24]],
    ['of hours, where it is read often', { ...read, freshness: '10 minutes' }, [1, 24]],
    ['of days, where it is read some times a day', { ...read, freshness: '11 minutes' }, [24]],
    ['of days, up to each four hours', { ...read, freshness: '4 hours' }, [24]],
    ['of weeks, where it is read each day', { ...read, freshness: '1 day' }, [168]],
    ['not at all, where it is read more rarely', { ...read, freshness: '2 days' }, []],
    [
      'of what remains while it is slowed down',
      {
        ...read,
        freshness: '10 minutes',
        polling: { floor: '10 minutes', ceiling: '3 hours' },
        budget: { usdPerMonth: 5 },
      },
      [24],
    ],
  ])('%s', (_, source, windows) => {
    expect(settingsOf(source)?.volumeWindows).toEqual(windows);
  });
});

test('thresholds are those of the configuration, a fifth where there are none', () => {
  expect(settingsOf(plain)).toMatchObject({ maxVolumeDrop: 0.2, maxCostRise: 0.2 });
  const changed = settingsOf({ ...plain, alarms: { maxVolumeDrop: false, maxCostRise: 3 } });
  expect(changed).toMatchObject({ maxVolumeDrop: false, maxCostRise: 3 });
  for (const alarms of [{ maxVolumeDrop: true }, { maxCostRise: 'off' }])
    expect(() => settingsOf({ ...plain, alarms })).toThrow(/such as 0.2 for 20 %, or false/);
  for (const alarms of [{ maxVolumeDrop: 1 }, { maxVolumeDrop: 0 }, { maxCostRise: 0 }, { maxCostRise: 101 }])
    expect(() => settingsOf({ ...plain, alarms })).toThrow(/sources.a.alarms.max/);
});
