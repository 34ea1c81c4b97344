import { describe, expect, test } from 'vitest';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { orders, rates, sensors } from './configs.ts';
import { resourcesOf, synth } from './synth.ts';

const budget = { usdPerMonth: 20 };
const streamed = { ...orders, pattern: 'stream' as const };

function synthOf(sources: HeadgateConfigInput['sources']) {
  return synth({ name: 'lab', sources });
}

const capped = synthOf({
  orders: { ...streamed, budget },
  sensors: { ...sensors, budget },
  rates: { ...rates, polling: { floor: '2 minutes' }, budget },
});
const free = synthOf({ orders: { ...streamed, budget: { usdPerGb: 1 } } });

interface Statement {
  readonly Action: string | readonly string[];
  readonly Condition?: unknown;
}

/** Statements on the sums of budgets, by the stack that has them. */
function spendingOf(templates: typeof capped): readonly (readonly [string, Statement])[] {
  return [...templates].flatMap(([stack, template]) =>
    resourcesOf(new Map([[stack, template]]), 'AWS::IAM::Policy').flatMap(({ Properties }) =>
      (Properties['PolicyDocument'] as { readonly Statement: readonly Statement[] }).Statement.filter(
        (statement) => JSON.stringify(statement).includes('budget#'),
      ).map((statement) => [stack, statement] as const),
    ),
  );
}

describe('a deployment whose sources have monthly budgets', () => {
  test('lets every function read and add to the sums, and nothing else of the table through that', () => {
    const statements = spendingOf(capped);
    expect(statements.map(([stack]) => stack).sort()).toEqual(['landing', 'pull', 'push', 'stream']);
    for (const [, { Action, Condition }] of statements) {
      expect(Action).toEqual(['dynamodb:Query', 'dynamodb:UpdateItem']);
      expect(Condition).toEqual({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['budget#*'] } });
    }
  });

  test('has a landing zone for what leaves the stream, landed each hour', () => {
    const schedules = resourcesOf(capped, 'AWS::Scheduler::Schedule').filter(({ Properties }) =>
      JSON.stringify(Properties).includes('orders'),
    );
    expect(schedules.map(({ Properties }) => Properties['ScheduleExpression'])).toEqual(['rate(60 minutes)']);
    const push = resourcesOf(capped, 'AWS::Lambda::Function').find(({ Properties }) =>
      JSON.stringify(Properties['Environment']).includes('ACCESS_TABLE'),
    );
    expect(JSON.stringify(push?.Properties['Environment'])).toContain('LAKE_BUCKET');
  });

  test('has an alarm for each, over more than the longest time between two runs', () => {
    const alarms = resourcesOf(capped, 'AWS::CloudWatch::Alarm')
      .map(({ Properties }) => Properties)
      .filter(({ MetricName }) => MetricName === 'OverBudget');
    expect(alarms.map((alarm) => [alarm['AlarmName'], alarm['Dimensions']]).sort()).toEqual(
      ['orders', 'rates', 'sensors'].map((source) => [
        `lab-${source}-over-budget`,
        [{ Name: 'source', Value: source }],
      ]),
    );
    const rows = new Map(alarms.map((alarm) => [alarm['AlarmName'], alarm]));
    const ofRates = rows.get('lab-rates-over-budget');
    // Six times seven minutes, twice.
    expect(Number(ofRates?.['Period']) * Number(ofRates?.['EvaluationPeriods'])).toBeGreaterThanOrEqual(
      84 * 60,
    );
    expect(ofRates?.['AlarmDescription']).toContain('It is read less often.');
    expect(rows.get('lab-orders-over-budget')?.['AlarmDescription']).toContain('through the landing zone');
    expect(rows.get('lab-sensors-over-budget')?.['AlarmDescription']).toContain('cannot be slowed down');
  });
});

test('a deployment without has none of it', () => {
  expect(spendingOf(free)).toEqual([]);
  expect([...free.keys()]).not.toContain('landing');
  expect(JSON.stringify(resourcesOf(free, 'AWS::CloudWatch::Alarm'))).not.toContain('OverBudget');
});
