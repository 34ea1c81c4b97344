import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import {
  Alarm,
  AlarmStatusWidget,
  Column,
  Dashboard,
  GraphWidget,
  TextWidget,
  type IAlarm,
  type IWidget,
  type Metric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { EventBus as EventBusTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { planParameterPath, toDeployedPlan, toPlanTexts } from '../../shared/config/plan/deployed-plan.ts';
import { maxLatencyMs } from '../../shared/config/max-latency.ts';
import { SHARED_STREAM } from '../../shared/config/plan/plan-resources.ts';
import type { HeadgateConfig, SourceConfig } from '../../shared/config/schema.ts';
import { FINDING_EVENT } from '../../shared/domain/watch/finding-event-type.ts';
import { tellingAlarms } from '../../shared/domain/alarm-names.ts';
import { createAlarms, type AlarmTopics } from '../constructs/alarms.ts';
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

/** Rows of one dashboard at most: it takes 500 widgets. A dashboard costs $3 a month. */
const MAX_ROWS = 100;

/** The topics, the alarms, the dashboards, and the plan that is deployed. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, deployment: Deployment, key: IKey, lanes: LaneStacks) {
    const { config } = deployment;
    super(scope, `${config.name}-observability`, { description: 'Headgate: alarms and dashboard' });
    const topics: AlarmTopics = {
      critical: alarmTopic(this, 'Alarms', `Headgate ${config.name} alarms`, config, key),
      warning: alarmTopic(this, 'Warnings', `Headgate ${config.name} warnings`, config, key),
    };
    const { push, stream, landing, pulling, watch } = lanes;
    createAlarms(this, config.name, topics, [
      ...Object.entries(config.sources).flatMap(([name, source]) => sourceAlarms(name, source)),
      ...(push === undefined ? [] : [...functionAlarms(push.receiver), ...apiAlarms(push.api)]),
      ...(stream === undefined
        ? []
        : [
            ...functionAlarms(stream.consumer),
            ...[...stream.streams].flatMap(([label, landing]) =>
              streamAlarms(label, landing, label === SHARED_STREAM ? undefined : label),
            ),
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
    const sources = Object.entries(config.sources);
    const dashboards = Array.from(
      { length: Math.max(1, Math.ceil(sources.length / MAX_ROWS)) },
      (_, page) => {
        const suffix = page === 0 ? '' : String(page + 1);
        const dashboard = new Dashboard(this, `Dashboard${suffix}`, {
          dashboardName: page === 0 ? config.name : `${config.name}-${suffix}`,
        });
        for (const [name, source] of sources.slice(page * MAX_ROWS, (page + 1) * MAX_ROWS))
          dashboard.addWidgets(...sourceRow(name, source, this.#tellingOf(config.name, name)));
        return dashboard;
      },
    );
    forwardEvents(this, config);
    // Last of all stacks: what it says is deployed.
    for (const [at, text] of toPlanTexts(toDeployedPlan(deployment.plan)).entries()) {
      new StringParameter(this, `Plan${String(at)}`, {
        parameterName: `${planParameterPath(config.name)}${String(at)}`,
        description: 'The plan that is deployed, for `headgate plan`',
        stringValue: text,
      });
    }
    new CfnOutput(this, 'AlarmTopicArn', { value: topics.critical.topicArn });
    new CfnOutput(this, 'WarningTopicArn', { value: topics.warning.topicArn });
    new CfnOutput(this, 'DashboardName', { value: dashboards[0]?.dashboardName ?? config.name });
  }

  /** By name: the embedded cloud has no composite alarms. */
  #tellingOf(deploymentName: string, source: string): readonly IAlarm[] {
    return tellingAlarms(deploymentName, source).map((name) =>
      Alarm.fromAlarmName(this, `Shown-${name}`, name),
    );
  }
}

/** A topic that alarms of this deployment may publish to. */
function alarmTopic(
  stack: Stack,
  id: string,
  displayName: string,
  { name, notify }: HeadgateConfig,
  masterKey: IKey,
): Topic {
  const topic = new Topic(stack, id, { displayName, masterKey, enforceSSL: true });
  // The policy that enforces TLS replaces the default one, which would let alarms publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'PublishAlarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: fromAlarmsOf(stack, name),
    }),
  );
  if (notify.email !== undefined) topic.addSubscription(new EmailSubscription(notify.email));
  return topic;
}

/** Alarms say on the account's default event bus that they change, and the watch what it finds: those are forwarded. */
function forwardEvents(stack: Stack, { name, notify }: HeadgateConfig): void {
  if (notify.eventBus === undefined) return;
  const bus = EventBus.fromEventBusArn(stack, 'EventBus', notify.eventBus);
  new Rule(stack, 'AlarmEvents', {
    description: `Alarms of the Headgate deployment ${name} that change`,
    eventPattern: {
      source: ['aws.cloudwatch'],
      detailType: ['CloudWatch Alarm State Change'],
      detail: { alarmName: [{ prefix: `${name}-` }] },
    },
    targets: [new EventBusTarget(bus)],
  });
  new Rule(stack, 'FindingEvents', {
    description: `What the hourly watch of the Headgate deployment ${name} finds`,
    eventPattern: {
      source: [FINDING_EVENT.source],
      detailType: [FINDING_EVENT.detailType],
      detail: { deployment: [name] },
    },
    targets: [new EventBusTarget(bus)],
  });
}

/** One row of a dashboard: what a source is and how it is, its records, and its latency against the SLA. */
function sourceRow(name: string, source: SourceConfig, telling: readonly IAlarm[]): readonly IWidget[] {
  const { type } = source;
  const height = 6;
  const isPulled = 'pauseAfterFailures' in source;
  const limit = { value: maxLatencyMs(source), label: 'alarm' };
  const samples = (metric: 'RecordErrors' | 'EndToEndLatency', label: string): Metric =>
    sourceMetric(metric, name, 'SampleCount').with({ label });
  return [
    new Column(
      new TextWidget({
        markdown: `## ${name}\n${source.description ?? ''}\n\n${type}, fresh within ${source.freshness}`,
        width: 6,
        height: 3,
      }),
      new AlarmStatusWidget({ title: `${name}: health`, alarms: [...telling], width: 6, height: 3 }),
    ),
    new GraphWidget({
      title: `${name}: records`,
      width: 9,
      height,
      left: [
        samples('RecordErrors', 'received'),
        ...(isPulled ? [] : [samples('EndToEndLatency', 'landed')]),
        sourceMetric('RecordErrors', name, 'Sum').with({ label: 'refused or quarantined' }),
      ],
    }),
    isPulled
      ? new GraphWidget({
          title: `${name}: how far the lake is behind, ms`,
          width: 9,
          height,
          left: [sourceMetric('CheckpointAge', name, 'Maximum').with({ label: 'after the last run' })],
          leftAnnotations: [limit],
        })
      : new GraphWidget({
          title: `${name}: latency, ms`,
          width: 9,
          height,
          left: ['p50', 'p99'].map((statistic) =>
            sourceMetric('EndToEndLatency', name, statistic).with({ label: statistic }),
          ),
          leftAnnotations: [limit],
        }),
  ];
}
