import { SECONDS_PER_MONTH } from '../../domain/cost/metering.ts';
import { recordsPerMonth } from '../../domain/cost/workload.ts';
import type { ConcurrencyNeeds, DeploymentNeeds, NamedResource } from '../../domain/doctor/needs.ts';
import { PLANNED_UTILISATION } from '../../domain/plan/shards.ts';
import type { FunctionName } from '../../domain/plan/function-sizes.ts';
import type { HeadgateConfig, ReceivedSourceConfig } from '../schema.ts';
import { planParameterPath, toDeployedPlan, toPlanTexts } from './deployed-plan.ts';
import { PULLING_LANES, pulledSources, receivedSources, type Named } from './lanes.ts';
import { planResources, type ResourcePlan } from './plan-resources.ts';
import { isNotified, NOTIFICATION_CONCURRENCY, workConcurrencyOf } from './tasks-of.ts';
import { toWorkload } from './to-workload.ts';

/** Functions that schedules start. */
const SCHEDULED: ReadonlySet<FunctionName> = new Set(['land', 'pull', 'extract', 'watch']);
/** The watch comes once an hour. */
const WATCH_SCHEDULES = 1;
/** Claims, ledger and access. */
const TABLES = 3;

/** What a configuration needs of the account that it is deployed to. */
export function planNeeds(declared: HeadgateConfig): DeploymentNeeds {
  const plan = planResources(declared);
  const { config } = plan;
  const functions = functionsOf(plan);
  const received = receivedSources(config);
  const notified = pulledSources(config, 'pull').some(([, source]) => isNotified(source));
  const scheduled = functions.filter((lane) => SCHEDULED.has(lane));
  return {
    name: config.name,
    stacks: ['storage', ...functions.map(stackOf), 'observability'].map((stack) => `${config.name}-${stack}`),
    names: [
      ...namesOf(config.name, functions, scheduled.map(stackOf)),
      ...toPlanTexts(toDeployedPlan(plan)).map((_, at): NamedResource => {
        return { kind: 'parameter', name: planParameterPath(config.name) + String(at) };
      }),
    ],
    concurrency: concurrencyOf(plan, received),
    shards: plan.streams.reduce((sum, { shards }) => sum + shards, 0),
    tables: TABLES,
    requestsPerSecond: received.reduce((sum, [, { limits }]) => sum + limits.requestsPerSecond, 0),
    actions: [
      ...ALWAYS,
      ...(functions.includes('push') ? ['apigateway:POST'] : []),
      ...(plan.streams.length > 0 ? ['kinesis:CreateStream', 'lambda:CreateEventSourceMapping'] : []),
      ...(notified ? ['events:PutRule'] : []),
    ],
  };
}

/** The functions of a plan: those of its lanes, and the watch. */
function functionsOf({ config, streams, landing, reads }: ResourcePlan): readonly FunctionName[] {
  return [
    ...(streams.length > 0 ? (['stream'] as const) : []),
    ...(landing.length > 0 ? (['land'] as const) : []),
    ...(receivedSources(config).length > 0 ? (['push'] as const) : []),
    ...PULLING_LANES.filter((lane) => reads.some((read) => read.lane === lane)),
    'watch',
  ];
}

/** The stack of a function is called like it, but for one. */
const stackOf = (lane: FunctionName): string => (lane === 'land' ? 'landing' : lane);

function namesOf(
  name: string,
  functions: readonly FunctionName[],
  scheduled: readonly string[],
): readonly NamedResource[] {
  return [
    ...functions.flatMap((lane): NamedResource[] => [
      { kind: 'function', name: `${name}-${lane}` },
      { kind: 'log group', name: `/aws/lambda/${name}-${lane}` },
    ]),
    ...(functions.includes('push')
      ? [{ kind: 'log group' as const, name: `/aws/apigateway/${name}-push` }]
      : []),
    ...scheduled.map((lane): NamedResource => ({ kind: 'schedule group', name: `${name}-${lane}` })),
    { kind: 'key alias', name: `alias/${name}` },
    ...['', '_quarantine'].map((end): NamedResource => {
      return { kind: 'database', name: name.replaceAll('-', '_') + end };
    }),
  ];
}

function concurrencyOf(
  { config, streams, landing, reads }: ResourcePlan,
  received: readonly Named<ReceivedSourceConfig>[],
): ConcurrencyNeeds {
  return {
    streams: streams.reduce(
      (sum, { shards, eventSource }) => sum + shards * eventSource.parallelizationFactor,
      0,
    ),
    schedules: landing.length + reads.length + WATCH_SCHEDULES,
    work: PULLING_LANES.map((lane) => pulledSources(config, lane))
      .filter((sources) => sources.length > 0)
      .reduce(
        (sum, sources) =>
          sum +
          workConcurrencyOf(sources) +
          (sources.some(([, source]) => isNotified(source)) ? NOTIFICATION_CONCURRENCY : 0),
        0,
      ),
    push: pushOf(received),
  };
}

/** What a request is expected to take: the key or token is looked up, then the request, its frame and its answer are kept. */
function pushOf(received: readonly Named<ReceivedSourceConfig>[]): ConcurrencyNeeds['push'] {
  if (received.length === 0) return undefined;
  let requestsPerSecond = 0;
  let busyMs = 0;
  for (const [, source] of received) {
    const workload = toWorkload(source);
    const { recordBytes, recordsPerRequest, speed } = workload;
    const requests = recordsPerMonth(workload) / recordsPerRequest / SECONDS_PER_MONTH;
    const cpuMs = speed.edgeMsPerRequest + (speed.edgeMsPerMb * recordsPerRequest * recordBytes) / 1e6;
    requestsPerSecond += requests;
    busyMs += requests * (cpuMs / speed.vcpu + speed.streamPutMs + 3 * speed.dynamoMs);
  }
  return {
    instances: Math.max(1, Math.ceil(busyMs / 1000 / PLANNED_UTILISATION - 1e-9)),
    requestsPerSecond,
    requestMs: Math.round(busyMs / requestsPerSecond),
  };
}

/** One action for each kind of resource that every deployment has. */
const ALWAYS = [
  'cloudwatch:PutDashboard',
  'cloudwatch:PutMetricAlarm',
  'dynamodb:CreateTable',
  'glue:CreateDatabase',
  'glue:CreateTable',
  'iam:CreateRole',
  'iam:PassRole',
  'iam:PutRolePolicy',
  'kms:CreateAlias',
  'kms:CreateKey',
  'lambda:CreateFunction',
  'lambda:PublishLayerVersion',
  'logs:CreateLogGroup',
  'scheduler:CreateSchedule',
  'scheduler:CreateScheduleGroup',
  'sqs:CreateQueue',
  's3:CreateBucket',
  's3:PutBucketPolicy',
  's3:PutLifecycleConfiguration',
  'sns:CreateTopic',
  'ssm:PutParameter',
];
