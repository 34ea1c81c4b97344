import { Stack } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { SCHEDULE_TUNING } from '../tuning.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import type { IngestFunction } from './ingest-function.ts';

/** One schedule of a function. */
export interface ScheduledRun {
  /** Unique in the group. */
  readonly name: string;
  readonly description: string;
  /** EventBridge Scheduler rate expression. */
  readonly expression: string;
  /** What the function gets. */
  readonly event: unknown;
}

/** Schedules that start a function, and what becomes of events and runs that fail. */
export class ScheduledRuns extends Construct {
  /** Dead letters by what failed: `schedule` for events that could not be delivered, `run` for failed runs. */
  readonly deadLetters: Readonly<Record<'schedule' | 'run', DeadLetterQueue>>;
  readonly groupName: string;
  /** The same as text, which is known while the stack is made. */
  readonly groupLiteral: string;
  /** As which the schedules call the function. */
  readonly role: Role;

  /** Resources are put into the scope itself, so that their logical ids do not depend on this construct. */
  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly target: IngestFunction;
      readonly groupName: string;
      readonly runs: readonly ScheduledRun[];
    },
  ) {
    super(scope, id);
    const { target, groupName, runs } = props;
    this.deadLetters = {
      schedule: new DeadLetterQueue(scope, 'ScheduleDeadLetters'),
      run: new DeadLetterQueue(scope, 'RunDeadLetters'),
    };
    target.function.configureAsyncInvoke({
      retryAttempts: SCHEDULE_TUNING.runAttempts,
      maxEventAge: SCHEDULE_TUNING.maxRunAge,
      onFailure: new SqsDestination(this.deadLetters.run),
    });
    this.role = new Role(scope, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    this.role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.function.functionArn] }),
    );
    this.role.addToPolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.deadLetters.schedule.queueArn] }),
    );
    const group = new CfnScheduleGroup(scope, 'Schedules', { name: groupName });
    this.groupName = group.ref;
    this.groupLiteral = groupName;
    for (const { name, description, expression, event } of runs) {
      // Under the group, because the logical id of a resource directly in the stack drops "-" and "_" of the name.
      const schedule = new CfnSchedule(group, name, {
        name,
        groupName: group.ref,
        description,
        scheduleExpression: expression,
        flexibleTimeWindow: { mode: 'OFF' },
        target: {
          arn: target.function.functionArn,
          roleArn: this.role.roleArn,
          input: JSON.stringify(event),
          retryPolicy: {
            maximumRetryAttempts: SCHEDULE_TUNING.deliveryAttempts,
            maximumEventAgeInSeconds: SCHEDULE_TUNING.maxDeliveryAge.toSeconds(),
          },
          deadLetterConfig: { arn: this.deadLetters.schedule.queueArn },
        },
      });
      // The first event may come at once, and must find its permissions.
      schedule.node.addDependency(this.role);
    }
  }
}
