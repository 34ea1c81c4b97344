import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Dashboard, GraphWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { planParameterPath, toDeployedPlan, toPlanTexts } from '../../shared/config/plan/deployed-plan.ts';
import { maxLatencyMs } from '../../shared/config/max-latency.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import { createAlarms } from '../constructs/alarms.ts';
import { fromAlarmsOf } from '../constructs/from-alarms-of.ts';
import type { Deployment } from '../deployment.ts';
import {
  apiAlarms,
  functionAlarms,
  idleAlarms,
  notificationAlarms,
  scheduledAlarms,
  streamAlarms,
  watchAlarms,
  workAlarms,
} from '../lane-alarms.ts';
import { sourceAlarms } from '../source-alarms.ts';
import { sourceMetric } from '../source-metrics.ts';
import type { LandingStack } from './landing.ts';
import type { PullStack } from './pull.ts';
import type { PushStack } from './push.ts';
import type { StreamStack } from './stream.ts';
import type { WatchStack } from './watch.ts';

/** The stacks of the lanes that the configuration needs, and of the watch. */
export interface LaneStacks {
  readonly push: PushStack | undefined;
  readonly stream: StreamStack | undefined;
  readonly landing: LandingStack | undefined;
  readonly pulling: readonly PullStack[];
  readonly watch: WatchStack;
}

/** The alarm topic, the alarms, the dashboard, and the plan that is deployed. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, deployment: Deployment, key: IKey, lanes: LaneStacks) {
    const { config } = deployment;
    super(scope, `${config.name}-observability`, { description: 'Headgate: alarms and dashboard' });
    const topic = new Topic(this, 'Alarms', {
      displayName: `Headgate ${config.name} alarms`,
      masterKey: key,
      enforceSSL: true,
    });
    // The policy that enforces TLS replaces the default one, which would let alarms publish.
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'PublishAlarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: fromAlarmsOf(this, config.name),
      }),
    );
    if (config.notify.email !== undefined) topic.addSubscription(new EmailSubscription(config.notify.email));
    const { push, stream, landing, pulling, watch } = lanes;
    createAlarms(this, config.name, topic, [
      ...Object.entries(config.sources).flatMap(([name, source]) => sourceAlarms(name, source)),
      ...(push === undefined ? [] : [...functionAlarms(push.receiver), ...apiAlarms(push.api)]),
      ...(stream === undefined
        ? []
        : [
            ...functionAlarms(stream.consumer),
            ...[...stream.streams].flatMap(([label, landing]) => streamAlarms(label, landing)),
          ]),
      ...(landing === undefined
        ? []
        : [...scheduledAlarms(landing.lander, landing.runs), ...idleAlarms(landing.lander)]),
      ...pulling.flatMap(({ puller, runs, work, notifications }) => [
        ...scheduledAlarms(puller, runs),
        ...workAlarms(puller, work),
        ...notificationAlarms(puller, notifications),
      ]),
      ...watchAlarms(watch.watcher, watch.runs),
    ]);
    const dashboard = new Dashboard(this, 'Dashboard', { dashboardName: config.name });
    for (const [name, source] of Object.entries(config.sources))
      dashboard.addWidgets(...sourceRow(name, source));
    // Last of all stacks: what it says is deployed.
    for (const [at, text] of toPlanTexts(toDeployedPlan(deployment.plan)).entries()) {
      new StringParameter(this, `Plan${String(at)}`, {
        parameterName: `${planParameterPath(config.name)}${String(at)}`,
        description: 'The plan that is deployed, for `headgate plan`',
        stringValue: text,
      });
    }
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }
}

/** One row of the dashboard: what a source is, its records, its latency against the SLA, its bytes. */
function sourceRow(
  name: string,
  source: SourceConfig,
): readonly [TextWidget, GraphWidget, GraphWidget, GraphWidget] {
  const { type } = source;
  const height = 5;
  return [
    new TextWidget({
      markdown: `## ${name}\n${source.description ?? ''}\n\n${type}, fresh within ${source.freshness}`,
      width: 4,
      height,
    }),
    new GraphWidget({
      title: `${name}: records`,
      width: 8,
      height,
      left: (
        [
          'RecordsReceived',
          'RecordsLanded',
          'RecordsDuplicate',
          'RecordsQuarantined',
          'RecordsRejected',
        ] as const
      ).map((metric) => sourceMetric(metric, name, source, 'Sum')),
    }),
    new GraphWidget({
      title: `${name}: latency, ms`,
      width: 6,
      height,
      left: ['p50', 'p99'].map((statistic) =>
        sourceMetric('EndToEndLatency', name, source, statistic).with({ label: statistic }),
      ),
      leftAnnotations: [{ value: maxLatencyMs(source), label: 'alarm' }],
    }),
    new GraphWidget({
      title: `${name}: bytes`,
      width: 6,
      height,
      left: (['BytesReceived', 'BytesLanded'] as const).map((metric) =>
        sourceMetric(metric, name, source, 'Sum'),
      ),
    }),
  ];
}
