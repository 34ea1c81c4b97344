import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { everything } from './configs.ts';
import { resourcesOf, synth, templateOf } from './synth.ts';

const templates = synth(everything);
const watch = templateOf(templates, 'watch');

describe('the hourly watch', () => {
  test('is started seven minutes after each hour, and what fails is kept', () => {
    watch.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'cron(7 * * * ? *)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: Match.objectLike({
        Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Watcher'), 'Arn'] },
        Input: '{}',
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('ScheduleDeadLetters'), 'Arn'] } },
      }),
    });
    watch.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('RunDeadLetters'), 'Arn'] } },
      },
    });
  });

  test('is small, on arm64, without DuckDB', () => {
    const [fn] = resourcesOf(new Map([['watch', watch]]), 'AWS::Lambda::Function');
    expect(fn?.Properties).toMatchObject({
      FunctionName: 'lab-watch',
      MemorySize: 256,
      Timeout: 300,
      Architectures: ['arm64'],
    });
    expect(fn?.Properties).not.toHaveProperty('Layers');
  });

  test('has an alarm when it does not run, and when its runs or schedules fail', () => {
    const alarms = resourcesOf(templates, 'AWS::CloudWatch::Alarm')
      .map(({ Properties }) => Properties)
      .filter(({ AlarmName }) => String(AlarmName).startsWith('lab-watch-'));
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual([
      'lab-watch-function-idle',
      'lab-watch-run-dead-letters',
      'lab-watch-schedule-dead-letters',
    ]);
    expect(alarms.find(({ AlarmName }) => AlarmName === 'lab-watch-function-idle')).toMatchObject({
      TreatMissingData: 'breaching',
      AlarmDescription: expect.stringContaining('nobody looks whether records are missing') as string,
    });
  });
});
