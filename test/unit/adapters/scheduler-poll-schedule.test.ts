import { GetScheduleCommand, SchedulerClient, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { SchedulerPollSchedule } from '../../../shared/adapters/aws/scheduler-poll-schedule.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';

const scheduler = mockClient(SchedulerClient);
const schedule = new SchedulerPollSchedule({
  scheduler: new SchedulerClient({ region: 'us-east-1' }),
  group: 'headgate',
});
const refusal = (name: string): Error => Object.assign(new Error(name), { name });

/** Everything that a schedule can have. */
const DEPLOYED = {
  Description: 'pull of orders',
  State: 'DISABLED',
  StartDate: new Date('2026-01-01T00:00:00Z'),
  EndDate: new Date('2027-01-01T00:00:00Z'),
  KmsKeyArn: 'arn:aws:kms:us-east-1:1:key/k',
  ScheduleExpressionTimezone: 'Europe/Berlin',
  ActionAfterCompletion: 'NONE',
  FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 3 },
  Target: {
    Arn: 'arn:f',
    RoleArn: 'arn:r',
    Input: '{"source":"orders"}',
    RetryPolicy: { MaximumRetryAttempts: 0 },
  },
} as const;

beforeEach(() => {
  scheduler.reset();
  scheduler.onAnyCommand().rejects(new Error('not stubbed'));
});

test('an update carries over all that the schedule has, but its interval', async () => {
  scheduler.on(GetScheduleCommand, { GroupName: 'headgate', Name: 'orders' }).resolves({
    ...DEPLOYED,
    ...{ Arn: 'arn:s', CreationDate: new Date(), ScheduleExpression: 'rate(1 hour)' },
  });
  scheduler.on(UpdateScheduleCommand).resolves({});
  await schedule.set('orders', 5);
  expect(scheduler.commandCalls(UpdateScheduleCommand)[0]?.args[0].input).toEqual({
    ...DEPLOYED,
    ...{ GroupName: 'headgate', Name: 'orders', ScheduleExpression: 'rate(5 minutes)' },
  });
  await schedule.set('orders', 1);
  expect(scheduler.commandCalls(UpdateScheduleCommand)[1]?.args[0].input.ScheduleExpression).toBe(
    'rate(1 minute)',
  );
});

test.each([
  ['rate(1 minute)', 1],
  ['rate(45 minutes)', 45],
  ['rate(2 hours)', 120],
  ['rate(1 day)', 1_440],
  ['cron(0 6 * * ? *)', undefined],
  ['at(2026-01-01T00:00:00)', undefined],
  ['rate(0.5 hours)', undefined],
  [undefined, undefined],
])('%s is read as %s minutes', async (ScheduleExpression, minutes) => {
  scheduler.on(GetScheduleCommand).resolves({ ScheduleExpression });
  expect(await schedule.read('orders')).toBe(minutes);
});

test('a schedule without a target is not written', async () => {
  scheduler.on(GetScheduleCommand).resolves({ ...DEPLOYED, Target: undefined });
  await expect(schedule.set('orders', 5)).rejects.toMatchObject({
    code: 'SCHEDULE_INCOMPLETE',
    message: 'schedule headgate/orders has no target; deploy the stacks again',
  });
  expect(scheduler.commandCalls(UpdateScheduleCommand)).toEqual([]);
});

test('failures say what was called, and whether it may pass', async () => {
  scheduler.on(GetScheduleCommand).rejects(refusal('ResourceNotFoundException'));
  await expect(schedule.read('orders')).rejects.toBeInstanceOf(BlockedError);
  await expect(schedule.read('orders')).rejects.toThrow('schedule headgate/orders');
  scheduler.on(GetScheduleCommand).resolves({ ...DEPLOYED });
  scheduler.on(UpdateScheduleCommand).rejects(refusal('ThrottlingException'));
  await expect(schedule.set('orders', 5)).rejects.toBeInstanceOf(TransientError);
});
