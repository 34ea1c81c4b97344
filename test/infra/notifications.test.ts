import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { createApp, resourcesOf, synth, templateOf } from './synth.ts';

const files = {
  type: 'files',
  freshness: '30 seconds',
  volume: { gbPerDay: 1 },
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
  location: 's3://supplier/stock/',
  format: { type: 'ndjson' },
  notifications: true,
} as const;

const declare = (sources: HeadgateConfigInput['sources']): HeadgateConfigInput => ({ name: 'lab', sources });
const pullOf = (sources: HeadgateConfigInput['sources']) => templateOf(synth(declare(sources)), 'pull');
const scheduleOf = (source: object): unknown =>
  resourcesOf(new Map([['pull', pullOf({ items: { ...files, ...source } })]]), 'AWS::Scheduler::Schedule')[0]
    ?.Properties['ScheduleExpression'];

interface QueuePolicy {
  readonly Statement: readonly {
    readonly Effect: string;
    readonly Action: unknown;
    readonly Principal: unknown;
    readonly Condition?: Record<string, Record<string, unknown>>;
  }[];
}

describe('a bucket that tells EventBridge of new objects', () => {
  const pull = pullOf({
    'a-b': { ...files, pattern: 'daily/*/{a,b}.json' },
    a_b: { ...files, location: 's3://partner/', pattern: '*.json' },
    quiet: { ...files, freshness: '5 minutes', notifications: false },
  });

  test('has a rule for each source, which takes new objects of its folder and says no more than its name', () => {
    const rules = resourcesOf(new Map([['pull', pull]]), 'AWS::Events::Rule').map(({ Properties }) => ({
      pattern: Properties['EventPattern'],
      inputs: (Properties['Targets'] as { Input: string }[]).map(({ Input }) => Input),
    }));
    expect(rules).toEqual([
      {
        pattern: {
          source: ['aws.s3'],
          'detail-type': ['Object Created'],
          detail: { bucket: { name: ['supplier'] }, object: { key: [{ prefix: 'stock/daily/' }] } },
        },
        inputs: ['{"source":"a-b","task":"wake"}'],
      },
      {
        pattern: {
          source: ['aws.s3'],
          'detail-type': ['Object Created'],
          detail: { bucket: { name: ['partner'] } },
        },
        inputs: ['{"source":"a_b","task":"wake"}'],
      },
    ]);
  });

  test('only these rules may write to the queue, and the function may only take from it', () => {
    const [policy] = resourcesOf(new Map([['pull', pull]]), 'AWS::SQS::QueuePolicy')
      .map(({ Properties }) => Properties['PolicyDocument'] as QueuePolicy)
      .filter((document) => JSON.stringify(document).includes('events.amazonaws.com'));
    const allowed = policy?.Statement.filter(({ Effect }) => Effect === 'Allow') ?? [];
    expect(allowed).toHaveLength(1);
    expect(allowed[0]).toMatchObject({
      Action: 'sqs:SendMessage',
      Principal: { Service: 'events.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    });
    expect(allowed[0]?.Condition?.['ArnEquals']?.['aws:SourceArn']).toHaveLength(2);
    pull.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
            Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^NotificationsQueue'), 'Arn'] },
          }),
        ]),
      }),
    });
  });

  test('hands the function what has come in ten seconds as one batch', () => {
    pull.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^NotificationsQueue'), 'Arn'] },
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 10,
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test('is not changed: nothing here writes its notification settings', () => {
    expect(JSON.stringify(pull.toJSON())).not.toContain('s3:PutBucketNotification');
    expect(resourcesOf(new Map([['pull', pull]]), 'AWS::S3::Bucket')).toEqual([]);
  });
});

test('without notifications there is neither a rule nor a queue for them', () => {
  const pull = pullOf({ items: { ...files, notifications: false } });
  expect(resourcesOf(new Map([['pull', pull]]), 'AWS::Events::Rule')).toEqual([]);
  expect(resourcesOf(new Map([['pull', pull]]), 'AWS::Lambda::EventSourceMapping')).toHaveLength(1);
});

describe('the schedule of a source with notifications is for what they miss', () => {
  test.each([
    [{}, 'rate(15 minutes)'],
    [{ freshness: '2 hours' }, 'rate(120 minutes)'],
    [{ polling: { floor: '5 minutes', ceiling: '6 hours' } }, 'rate(360 minutes)'],
    [{ polling: { floor: '1 hour' } }, 'rate(60 minutes)'],
    [{ notifications: false, freshness: '2 hours' }, 'rate(120 minutes)'],
    [
      { notifications: false, freshness: '2 hours', polling: { floor: '5 minutes', ceiling: '1 hour' } },
      'rate(60 minutes)',
    ],
  ])('%j is listed by %s', (source, expression) => {
    expect(scheduleOf(source)).toBe(expression);
  });

  test('so a freshness under a minute is possible with them, and without them it is said how', () => {
    const annotationsOf = (source: object): Annotations =>
      Annotations.fromStack(
        Stack.of(createApp(declare({ items: { ...files, ...source } })).node.findChild('lab-pull')),
      );
    annotationsOf({}).hasNoWarning('*', Match.anyValue());
    annotationsOf({ notifications: false }).hasWarning(
      '*',
      Match.stringLikeRegexp('Set notifications: true'),
    );
  });
});

test.each([
  [
    { location: 'file:///tmp/items/', development: true },
    /notifications: only buckets \(s3:\/\/\) send them; remove it/,
  ],
  [
    { polling: { floor: '2 hours', ceiling: '1 hour' } },
    /polling\.floor: must not be longer than polling\.ceiling/,
  ],
])('%j is refused', (source, message) => {
  expect(() => createApp(declare({ items: { ...files, ...source } }))).toThrow(message);
});
