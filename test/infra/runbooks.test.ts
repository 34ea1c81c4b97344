import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { everything, orders } from './configs.ts';
import { resourcesOf, synth } from './synth.ts';

/** Alarms of any type, with what they say. */
function alarmsOf(config: typeof everything): (readonly [name: string, description: string])[] {
  const templates = synth(config);
  return ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'].flatMap((type) =>
    resourcesOf(templates, type).map(
      ({ Properties }) =>
        [JSON.stringify(Properties['AlarmName']), JSON.stringify(Properties['AlarmDescription'])] as const,
    ),
  );
}

const withAll = {
  ...everything,
  sources: {
    ...everything.sources,
    orders: { ...orders, overflow: 'spill' as const, budget: { usdPerMonth: 5 } },
  },
};

test.each(alarmsOf(withAll))('the description of %s names a page that is there', (_name, description) => {
  const [, page] = /Runbook: (docs\/runbooks\/[a-z-]+\.md)/.exec(description) ?? [];
  expect(page, description).toBeDefined();
  expect(existsSync(page ?? ''), page).toBe(true);
});
