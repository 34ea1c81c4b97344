import { describe, expect, test } from 'vitest';
import { everything } from './configs.ts';
import { synth } from './synth.ts';

/** Resource types that the emulator creates and Headgate uses; a new type must be tried there before it is added. */
const EMULATED = [
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KMS::Alias',
  'AWS::KMS::Key',
  'AWS::Kinesis::Stream',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::LayerVersion',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::SSM::Parameter',
  'AWS::Scheduler::Schedule',
  'AWS::Scheduler::ScheduleGroup',
];

interface PlainTemplate {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
  >;
  readonly Outputs?: unknown;
}

function plain(embedded: boolean): Map<string, PlainTemplate> {
  return new Map(
    [...synth(everything, { embedded })].map(([stack, template]) => [
      stack,
      template.toJSON() as PlainTemplate,
    ]),
  );
}

const onAws = plain(false);
const onEmulator = plain(true);

describe('the templates for the embedded cloud', () => {
  test('hold only types that the emulator creates', () => {
    for (const { Resources } of onEmulator.values()) {
      for (const { Type } of Object.values(Resources)) expect(EMULATED).toContain(Type);
    }
  });

  test('hold no alarm on metric math, which the emulator refuses', () => {
    for (const { Resources } of onEmulator.values()) {
      for (const { Type, Properties } of Object.values(Resources)) {
        if (Type === 'AWS::CloudWatch::Alarm') expect(Properties).not.toHaveProperty('Metrics');
      }
    }
  });

  test('are those for AWS, less the catalog and composite alarms', () => {
    const leftOut: string[] = [];
    for (const [stack, { Resources, Outputs }] of onAws) {
      const embedded = onEmulator.get(stack);
      for (const [id, resource] of Object.entries(Resources)) {
        if (embedded?.Resources[id] === undefined) leftOut.push(resource.Type);
        else expect(embedded.Resources[id]).toEqual(resource);
      }
      expect(Object.keys(embedded?.Resources ?? {}).filter((id) => !(id in Resources))).toEqual([]);
      expect(embedded?.Outputs).toEqual(Outputs);
    }
    expect([...new Set(leftOut)].sort()).toEqual([
      'AWS::CloudWatch::CompositeAlarm',
      'AWS::Glue::Database',
      'AWS::Glue::Table',
    ]);
  });
});
