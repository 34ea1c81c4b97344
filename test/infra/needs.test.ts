import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../shared/config/define-config.ts';
import { planNeeds } from '../../shared/config/plan/plan-needs.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { everything, orders } from './configs.ts';
import { synth } from './synth.ts';

/** Properties that name a resource by a text of our own, and what `NamedResource` calls it. */
const NAMED: Readonly<Record<string, readonly [property: string, kind: string]>> = {
  'AWS::Lambda::Function': ['FunctionName', 'function'],
  'AWS::Logs::LogGroup': ['LogGroupName', 'log group'],
  'AWS::Scheduler::ScheduleGroup': ['Name', 'schedule group'],
  'AWS::KMS::Alias': ['AliasName', 'key alias'],
  'AWS::SSM::Parameter': ['Name', 'parameter'],
  'AWS::Glue::Database': ['DatabaseInput.Name', 'database'],
};

/** Named too, and replaced by CloudFormation or of no harm: alarms and the dashboard begin with the name, APIs may be called alike. */
const HARMLESS = new Set([
  ...['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm', 'AWS::CloudWatch::Dashboard'],
  'AWS::ApiGatewayV2::Api',
  ...['AWS::ApiGatewayV2::Stage', 'AWS::Scheduler::Schedule', 'AWS::Glue::Table', 'AWS::IAM::Policy'],
]);

const oneSource = (source: object): HeadgateConfigInput =>
  ({ name: 'lab-two', sources: { only: source } }) as unknown as HeadgateConfigInput;

const CONFIGS: readonly (readonly [string, HeadgateConfigInput])[] = [
  ['everything', everything],
  ['one pushed source', oneSource(orders)],
  ['one that is collected', oneSource({ ...orders, pattern: 'micro-batch', freshness: '10 minutes' })],
];

describe.each(CONFIGS)('what the templates of %s need', (_, input) => {
  const needs = planNeeds(parseConfig(input));
  const templates = synth(input);
  const resources = [...templates.values()].flatMap((template) =>
    Object.values(
      template.toJSON()['Resources'] as Readonly<
        Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
      >,
    ),
  );

  test('every stack is known', () => {
    expect([...needs.stacks].sort()).toEqual(
      [...templates.keys()].map((stack) => `${needs.name}-${stack}`).sort(),
    );
  });

  test('every name that may be taken is known', () => {
    const named = resources.flatMap(({ Type, Properties = {} }) => {
      const [property, kind] = NAMED[Type] ?? [];
      if (property === undefined) return [];
      const name = property
        .split('.')
        .reduce<unknown>((value, part) => (value as Readonly<Record<string, unknown>>)[part], Properties);
      return typeof name === 'string' ? [`${kind ?? ''} ${name}`] : [];
    });
    expect(needs.names.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(named.sort());
  });

  test('no other kind of resource has a name of our own', () => {
    const others = resources
      .filter(({ Type }) => NAMED[Type] === undefined && !HARMLESS.has(Type))
      .filter(({ Properties = {} }) =>
        Object.entries(Properties).some(
          ([property, value]) =>
            property !== 'DisplayName' && property.endsWith('Name') && typeof value === 'string',
        ),
      )
      .map(({ Type }) => Type);
    expect([...new Set(others)]).toEqual([]);
  });

  test('an action of every service is asked for', () => {
    const service = (type: string): string => {
      const name = type.split('::')[1]?.toLowerCase() ?? '';
      return name === 'apigatewayv2' ? 'apigateway' : name;
    };
    const used = new Set(resources.map(({ Type }) => service(Type)).filter((name) => name !== 'cdk'));
    const asked = new Set(needs.actions.map((action) => action.split(':')[0]));
    expect([...used].filter((name) => !asked.has(name))).toEqual([]);
    expect([...asked].filter((name) => !used.has(name ?? ''))).toEqual([]);
  });

  test('shards and concurrency are those of the templates', () => {
    const of = (type: string) => resources.filter(({ Type }) => Type === type);
    const shards = of('AWS::Kinesis::Stream').reduce(
      (sum, { Properties }) => sum + Number(Properties?.['ShardCount']),
      0,
    );
    expect(needs.shards).toBe(shards);
    expect(needs.concurrency.streams).toBe(shards);
    expect(needs.concurrency.schedules).toBe(of('AWS::Scheduler::Schedule').length);
    const work = of('AWS::Lambda::EventSourceMapping')
      .map(({ Properties }) => Properties?.['ScalingConfig'] as { MaximumConcurrency: number } | undefined)
      .reduce((sum, scaling) => sum + (scaling?.MaximumConcurrency ?? 0), 0);
    expect(needs.concurrency.work).toBe(work);
    expect(needs.tables).toBe(of('AWS::DynamoDB::Table').length);
  });
});
