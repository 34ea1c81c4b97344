import { Annotations, CfnOutput, Stack } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { Construct } from 'constructs';
import type { HttpSourceConfig } from '../../shared/config/schema.ts';
import { toMs } from '../../shared/config/units.ts';
import type { FunctionCode } from '../bundling/function-code.ts';
import { DeadLetterQueue } from '../constructs/dead-letter-queue.ts';
import { DuckDbLayer } from '../constructs/duckdb-layer.ts';
import { grantParameters } from '../constructs/grant-parameters.ts';
import { grantLanding, grantStaging, type Stores } from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import type { Deployment } from '../deployment.ts';
import { httpSources } from '../lanes.ts';
import { planSchedule } from '../schedule.ts';
import { SCHEDULE_TUNING } from '../tuning.ts';

/** The function that reads HTTP APIs, and a schedule for each of them. */
export class PullStack extends Stack {
  readonly puller: IngestFunction;
  /** Dead letters by what failed: `schedule` for events that could not be delivered, `run` for failed runs. */
  readonly deadLetters: Readonly<Record<'schedule' | 'run', DeadLetterQueue>>;

  constructor(scope: Construct, deployment: Deployment, stores: Stores, code: FunctionCode) {
    const { config } = deployment;
    super(scope, `${config.name}-pull`, { description: 'Headgate: scheduled reads of HTTP APIs' });
    const sources = httpSources(config);
    this.deadLetters = {
      schedule: new DeadLetterQueue(this, 'ScheduleDeadLetters'),
      run: new DeadLetterQueue(this, 'RunDeadLetters'),
    };
    this.puller = new IngestFunction(this, 'Puller', {
      deploymentName: config.name,
      lane: 'pull',
      description: 'Reads HTTP APIs and lands what is new in the lake',
      code: code.pull(),
      layers: [new DuckDbLayer(this, 'DuckDb', code.duckdb())],
      environment: {
        LAKE_BUCKET: stores.lake.bucketName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
      },
    });
    grantLanding(this.puller, stores);
    grantStaging(this.puller, stores);
    grantParameters(this.puller, parameterNames(sources.map(([, source]) => source)));
    this.puller.function.configureAsyncInvoke({
      retryAttempts: SCHEDULE_TUNING.runAttempts,
      maxEventAge: SCHEDULE_TUNING.maxRunAge,
      onFailure: new SqsDestination(this.deadLetters.run),
    });

    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [this.puller.function.functionArn],
      }),
    );
    role.addToPolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.deadLetters.schedule.queueArn] }),
    );
    const group = new CfnScheduleGroup(this, 'Schedules', { name: `${config.name}-pull` });
    for (const [name, source] of sources) {
      const { expression, clamped } = planSchedule(toMs(source.freshness));
      if (clamped) {
        Annotations.of(this).addWarningV2(
          `headgate:freshness-${name}`,
          `sources.${name}.freshness: "${source.freshness}" is shorter than a schedule can be; ` +
            `${name} is read every minute. Ask for "1 minute" or more to make this clear.`,
        );
      }
      // Under the group, because the logical id of a resource directly in the stack drops "-" and "_" of the name.
      const schedule = new CfnSchedule(group, name, {
        name,
        groupName: group.ref,
        description: `Reads ${name}`,
        scheduleExpression: expression,
        flexibleTimeWindow: { mode: 'OFF' },
        target: {
          arn: this.puller.function.functionArn,
          roleArn: role.roleArn,
          input: JSON.stringify({ source: name }),
          retryPolicy: {
            maximumRetryAttempts: SCHEDULE_TUNING.deliveryAttempts,
            maximumEventAgeInSeconds: SCHEDULE_TUNING.maxDeliveryAge.toSeconds(),
          },
          deadLetterConfig: { arn: this.deadLetters.schedule.queueArn },
        },
      });
      // The first event may come at once, and must find its permissions.
      schedule.node.addDependency(role);
    }
    new CfnOutput(this, 'PullFunctionName', { value: this.puller.function.functionName });
    new CfnOutput(this, 'ScheduleGroupName', { value: group.ref });
  }
}

/** SSM parameters that the sources read. */
function parameterNames(sources: readonly HttpSourceConfig[]): string[] {
  const values = sources.flatMap((source) => [source.url, ...Object.values(source.headers)]);
  return values.flatMap((value) => (typeof value === 'string' ? [] : [value.parameter]));
}
