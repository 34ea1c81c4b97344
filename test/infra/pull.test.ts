import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import { planSchedule } from '../../shared/domain/plan/schedule.ts';
import { everything, rates } from './configs.ts';
import { createApp, resourcesOf, synth, templateOf } from './synth.ts';

interface PolicyDocument {
  readonly Statement: readonly { readonly Action: string; readonly Resource: unknown }[];
}

const templates = synth(everything);
const pull = templateOf(templates, 'pull');

describe('the schedule of an HTTP source', () => {
  test('reads it at least as often as its freshness asks', () => {
    pull.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'rates',
      ScheduleExpression: 'rate(7 minutes)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: Match.objectLike({
        Input: '{"source":"rates"}',
        RetryPolicy: { MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 3600 },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('ScheduleDeadLetters'), 'Arn'] } },
      }),
    });
  });

  test.each([
    [1000, 'rate(1 minute)', true],
    [59_999, 'rate(1 minute)', true],
    [60_000, 'rate(1 minute)', false],
    [119_999, 'rate(1 minute)', false],
    [120_000, 'rate(2 minutes)', false],
    [30 * 86_400_000, 'rate(43200 minutes)', false],
  ])('a freshness of %i ms is %s', (freshnessMs, expression, clamped) => {
    expect(planSchedule(freshnessMs)).toMatchObject({ expression, clamped });
  });

  test('sources whose names differ by punctuation only have a schedule each', () => {
    const app = synth({ sources: { 'a-b': rates, a_b: rates, ab: rates } });
    const names = resourcesOf(app, 'AWS::Scheduler::Schedule').map(({ Properties }) => Properties['Name']);
    // The hourly watch has one as well.
    expect(names.sort()).toEqual(['a-b', 'a_b', 'ab', 'hourly']);
  });

  test('a freshness under a minute is said to be impossible', () => {
    const app = createApp({ sources: { rates: { ...rates, freshness: '10 seconds' } } });
    const stack = Stack.of(app.node.findChild('headgate-pull'));
    Annotations.fromStack(stack).hasWarning(
      '*',
      Match.stringLikeRegexp('sources.rates.freshness: "10 seconds"'),
    );
  });

  test('starts only this function and writes only to its own dead letters', () => {
    const statements = resourcesOf(new Map([['pull', pull]]), 'AWS::IAM::Policy')
      .filter(({ Properties }) => JSON.stringify(Properties['Roles']).includes('SchedulerRole'))
      .flatMap(({ Properties }) => (Properties['PolicyDocument'] as PolicyDocument).Statement);
    expect(statements.map(({ Action }) => Action).sort()).toEqual([
      'lambda:InvokeFunction',
      'sqs:SendMessage',
    ]);
    expect(JSON.stringify(statements)).not.toContain('"*"');
  });
});

describe('the pull function', () => {
  test('has its size and repeats a failed run once, then leaves it to an operator', () => {
    pull.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'lab-pull',
      MemorySize: 1024,
      Timeout: 900,
      EphemeralStorage: { Size: 1024 },
    });
    pull.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 1,
      MaximumEventAgeInSeconds: 7200,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('RunDeadLetters'), 'Arn'] } },
      },
    });
  });

  test('may read exactly the parameters that its sources name', () => {
    const statements = resourcesOf(new Map([['pull', pull]]), 'AWS::IAM::Policy').flatMap(
      ({ Properties }) => (Properties['PolicyDocument'] as PolicyDocument).Statement,
    );
    const reads = statements.filter(({ Action }) => JSON.stringify(Action).includes('ssm:'));
    expect(reads).toHaveLength(1);
    expect(reads[0]?.Action).toBe('ssm:GetParameter');
    const resources = reads[0]?.Resource as { 'Fn::Join': [string, unknown[]] }[];
    expect(resources.map((resource) => resource['Fn::Join'][1].at(-1))).toEqual([
      ':parameter/rates/key',
      ':parameter/rates/url',
    ]);
  });

  test('may read no parameter when no source names one', () => {
    const plain = { ...rates, url: 'https://example.com/rates', headers: {} };
    expect(JSON.stringify(templateOf(synth({ sources: { rates: plain } }), 'pull').toJSON())).not.toContain(
      'ssm:',
    );
  });
});

describe('every dead-letter queue', () => {
  const queues = resourcesOf(templates, 'AWS::SQS::Queue').filter(
    ({ Properties }) => Properties['RedrivePolicy'] === undefined,
  );

  test('keeps its messages for 14 days, encrypted, over TLS only', () => {
    for (const { Properties } of queues) {
      expect(Properties).toMatchObject({
        MessageRetentionPeriod: 14 * 24 * 3600,
        SqsManagedSseEnabled: true,
      });
    }
    for (const { Properties } of resourcesOf(templates, 'AWS::SQS::QueuePolicy')) {
      expect(JSON.stringify(Properties)).toContain('aws:SecureTransport');
    }
  });
});

describe('the queue of work', () => {
  const queues = resourcesOf(templates, 'AWS::SQS::Queue').filter(
    ({ Properties }) => Properties['RedrivePolicy'] !== undefined,
  );

  test('hides a message for six times as long as the function may take, and gives up after five deliveries', () => {
    for (const { Properties } of queues) {
      expect(Properties).toMatchObject({
        VisibilityTimeout: 6 * 900,
        SqsManagedSseEnabled: true,
        RedrivePolicy: { maxReceiveCount: 5 },
      });
      // Dead letters outlive what could still be delivered.
      expect(Properties['MessageRetentionPeriod']).toBeLessThan(14 * 24 * 3600);
    }
  });

  test('hands the function one piece of work at a time', () => {
    pull.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 3 },
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^WorkQueue'), 'Arn'] },
    });
  });
});

describe('the extract function', () => {
  const extract = templateOf(templates, 'extract');

  test('has a whole processor, and stands in the network that its sources name', () => {
    extract.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'lab-extract',
      MemorySize: 1769,
      Timeout: 900,
      VpcConfig: {
        SubnetIds: ['subnet-0ab1234567890abc1', 'subnet-0ab1234567890abc2'],
        SecurityGroupIds: ['sg-0ab1234567890abc3'],
      },
    });
    expect(JSON.stringify(pull.toJSON())).not.toContain('VpcConfig');
  });

  test('works on as many parts at the same time as its sources ask for, all together', () => {
    extract.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 9 },
    });
  });

  test('begins with the longest time between two runs that adaptive polling may choose', () => {
    extract.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'ledger',
      ScheduleExpression: 'rate(9 minutes)',
    });
    extract.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'stock',
      ScheduleExpression: 'rate(11 minutes)',
    });
  });
});
