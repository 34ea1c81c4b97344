import {
  CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { GetDatabaseCommand, GlueClient } from '@aws-sdk/client-glue';
import { GetRoleCommand, IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { DescribeLimitsCommand, DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  GetAccountSettingsCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { GetScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { found, type Answer } from '../../domain/doctor/answer.ts';
import type {
  Identity,
  LambdaLimits,
  ShardLimits,
  Simulated,
  StackFacts,
} from '../../domain/doctor/facts.ts';
import type { NamedResource } from '../../domain/doctor/needs.ts';
import { BlockedError, HeadgateError } from '../../domain/errors.ts';
import type { Account } from '../../ports/account.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConnectOptions } from './clients.ts';
import { requireRegion } from './require-region.ts';
import { isNamed, translateError } from './translate-error.ts';

/** Somebody waits, and asks again if it was a hiccup. */
const MAX_ATTEMPTS = 2;
const CONNECTION_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 5_000;
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
const ROLE_SESSION = /^arn:[\w-]+:sts::\d+:assumed-role\/([^/]+)\//;
const FEDERATED_USER = /^arn:[\w-]+:sts::\d+:federated-user\//;

/** An account of AWS, asked over the SDK with the credentials of the environment. */
export class AwsAccount implements Account {
  readonly #clock: Clock;
  readonly #clients: ReturnType<typeof createClients>;
  #dateHeader: string | undefined;

  constructor(options: { readonly clock: Clock; readonly connect?: Omit<ConnectOptions, 'timeouts'> }) {
    this.#clock = options.clock;
    this.#clients = createClients(options.connect ?? {});
    this.#clients.sts.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> };
        this.#dateHeader = headers?.['date'];
        return result;
      },
      { step: 'deserialize', name: 'headgateReadDate' },
    );
  }

  /** Ends its connections. */
  close(): void {
    for (const client of Object.values(this.#clients)) client.destroy();
  }

  async region(): Promise<Answer<string>> {
    try {
      return found(await requireRegion(this.#clients.sts));
    } catch (error) {
      return error instanceof HeadgateError ? { kind: 'absent' } : unknown('the region', error);
    }
  }

  async identity(): Promise<Answer<Identity>> {
    const beforeMs = this.#clock.nowMs();
    try {
      const { Account: account = '', Arn: arn = '' } = await this.#clients.sts.send(
        new GetCallerIdentityCommand(),
      );
      return found({
        ...{ account, arn },
        partition: arn.split(':')[1] ?? 'aws',
        clockOffsetMs: this.#clockOffsetMs(beforeMs),
      });
    } catch (error) {
      if (isNamed(error, 'CredentialsProviderError')) return { kind: 'absent' };
      return answerOf('sts:GetCallerIdentity', error);
    }
  }

  bootstrapVersion(): Promise<Answer<number>> {
    return ask('ssm:GetParameter', ['ParameterNotFound'], async () => {
      const { Parameter: parameter } = await this.#clients.ssm.send(
        new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }),
      );
      const version = Number(parameter?.Value);
      if (!Number.isInteger(version)) throw new RangeError('the version is no number');
      return version;
    });
  }

  async stack(name: string): Promise<Answer<StackFacts>> {
    const { cloudFormation } = this.#clients;
    const status = await ask('cloudformation:DescribeStacks', ['ValidationError'], async () => {
      const { Stacks: stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
      return stacks?.[0]?.StackStatus ?? 'DELETE_COMPLETE';
    });
    if (status.kind !== 'found') return status;
    if (status.value === 'DELETE_COMPLETE') return { kind: 'absent' };
    return ask('cloudformation:ListStackResources', ['ValidationError'], async () => {
      const resources: { type: string; id: string }[] = [];
      for await (const page of paginateListStackResources({ client: cloudFormation }, { StackName: name }))
        for (const { ResourceType: type = '', PhysicalResourceId: id = '' } of page.StackResourceSummaries ??
          [])
          resources.push({ type, id });
      return { status: status.value, resources };
    });
  }

  lambdaLimits(): Promise<Answer<LambdaLimits>> {
    return ask('lambda:GetAccountSettings', [], async () => {
      const { AccountLimit: limit, AccountUsage: usage } = await this.#clients.lambda.send(
        new GetAccountSettingsCommand(),
      );
      return {
        concurrent: required(limit?.ConcurrentExecutions),
        unreserved: required(limit?.UnreservedConcurrentExecutions),
        codeBytes: usage?.TotalCodeSize ?? 0,
        maxCodeBytes: limit?.TotalCodeSize ?? Infinity,
      };
    });
  }

  shardLimits(): Promise<Answer<ShardLimits>> {
    return ask('kinesis:DescribeLimits', [], async () => {
      const { OpenShardCount: open, ShardLimit: max } = await this.#clients.kinesis.send(
        new DescribeLimitsCommand(),
      );
      return { open: required(open), max: required(max) };
    });
  }

  openShards(streams: readonly string[]): Promise<Answer<number>> {
    return ask('kinesis:DescribeStreamSummary', [], async () => {
      const counts = await Promise.all(
        streams.map(async (name) => {
          const { StreamDescriptionSummary: summary } = await this.#clients.kinesis.send(
            new DescribeStreamSummaryCommand({ StreamName: name }),
          );
          return required(summary?.OpenShardCount);
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    });
  }

  tableCount(): Promise<Answer<number>> {
    return ask('dynamodb:ListTables', [], async () => {
      let count = 0;
      for await (const { TableNames: names } of paginateListTables({ client: this.#clients.dynamodb }, {}))
        count += names?.length ?? 0;
      return count;
    });
  }

  async quota(service: string, code: string): Promise<Answer<number>> {
    const { quotas } = this.#clients;
    const input = { ServiceCode: service, QuotaCode: code };
    const applied = await ask('servicequotas:GetServiceQuota', ['NoSuchResourceException'], async () =>
      required((await quotas.send(new GetServiceQuotaCommand(input))).Quota?.Value),
    );
    if (applied.kind !== 'absent') return applied;
    // One that was never changed may be known by its default only.
    return ask('servicequotas:GetAWSDefaultServiceQuota', ['NoSuchResourceException'], async () =>
      required((await quotas.send(new GetAWSDefaultServiceQuotaCommand(input))).Quota?.Value),
    );
  }

  exists({ kind, name }: NamedResource): Promise<Answer<true>> {
    const { lambda, logs, scheduler, kms, glue, ssm } = this.#clients;
    const gone = 'ResourceNotFoundException';
    switch (kind) {
      case 'function':
        return askWhether('lambda:GetFunctionConfiguration', gone, () =>
          lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name })),
        );
      case 'schedule group':
        return askWhether('scheduler:GetScheduleGroup', gone, () =>
          scheduler.send(new GetScheduleGroupCommand({ Name: name })),
        );
      case 'key alias':
        return askWhether('kms:DescribeKey', 'NotFoundException', () =>
          kms.send(new DescribeKeyCommand({ KeyId: name })),
        );
      case 'database':
        return askWhether('glue:GetDatabase', 'EntityNotFoundException', () =>
          glue.send(new GetDatabaseCommand({ Name: name })),
        );
      case 'parameter':
        return askWhether('ssm:GetParameter', 'ParameterNotFound', () =>
          ssm.send(new GetParameterCommand({ Name: name })),
        );
      case 'log group':
        return this.#existsLogGroup(logs, name);
    }
  }

  async simulate(
    principal: string,
    actions: readonly string[],
    resources: readonly string[],
  ): Promise<Answer<Simulated>> {
    const { iam } = this.#clients;
    if (FEDERATED_USER.test(principal))
      return { kind: 'unknown', problem: 'the simulator of IAM knows no federated users' };
    const role = ROLE_SESSION.exec(principal)?.[1];
    // The path of a role is not in the name of its sessions.
    const arn =
      role === undefined
        ? found(principal)
        : await ask('iam:GetRole', ['NoSuchEntityException', 'NoSuchEntity'], async () =>
            required((await iam.send(new GetRoleCommand({ RoleName: role }))).Role?.Arn),
          );
    if (arn.kind !== 'found') return arn;
    return ask('iam:SimulatePrincipalPolicy', ['NoSuchEntityException', 'NoSuchEntity'], async () => {
      const { EvaluationResults: results = [] } = await iam.send(
        new SimulatePrincipalPolicyCommand({
          PolicySourceArn: arn.value,
          ActionNames: [...actions],
          ResourceArns: [...resources],
          MaxItems: 1000,
        }),
      );
      const denied = results.flatMap((result) => {
        // Whether a condition holds whose value the simulator was not given, is not known.
        if ((result.MissingContextValues?.length ?? 0) > 0) return [];
        const decisions = result.ResourceSpecificResults?.map((one) => one.EvalResourceDecision) ?? [];
        const all = decisions.length > 0 ? decisions : [result.EvalDecision];
        return all.every((decision) => decision === 'allowed') ? [] : [result.EvalActionName ?? ''];
      });
      return { principal: arn.value, denied };
    });
  }

  async #existsLogGroup(logs: CloudWatchLogsClient, name: string): Promise<Answer<true>> {
    const answer = await ask('logs:DescribeLogGroups', [], async () => {
      // The name itself comes first of all that begin with it.
      const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }));
      return logGroups?.some(({ logGroupName }) => logGroupName === name) === true;
    });
    if (answer.kind !== 'found') return answer;
    return answer.value ? found(true) : { kind: 'absent' };
  }

  /** The header has whole seconds, cut off, and belongs to a moment within the call. */
  #clockOffsetMs(beforeMs: number): number | undefined {
    const theirsMs = Date.parse(this.#dateHeader ?? '');
    if (Number.isNaN(theirsMs)) return undefined;
    const oursMs = (beforeMs + this.#clock.nowMs()) / 2;
    return Math.round(theirsMs + 500 - oursMs);
  }
}

function createClients(connect: Omit<ConnectOptions, 'timeouts'>) {
  const config = {
    ...(connect.region !== undefined && { region: connect.region }),
    ...(connect.endpoint !== undefined && { endpoint: connect.endpoint }),
    ...(connect.credentials !== undefined && { credentials: connect.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      socketTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    }),
  };
  return {
    sts: new STSClient(config),
    ssm: new SSMClient(config),
    cloudFormation: new CloudFormationClient(config),
    lambda: new LambdaClient(config),
    kinesis: new KinesisClient(config),
    dynamodb: new DynamoDBClient(config),
    quotas: new ServiceQuotasClient(config),
    logs: new CloudWatchLogsClient(config),
    scheduler: new SchedulerClient(config),
    kms: new KMSClient(config),
    glue: new GlueClient(config),
    iam: new IAMClient(config),
  };
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the answer is incomplete');
  return value;
}

async function ask<Value>(
  action: string,
  absent: readonly string[],
  read: () => Promise<Value>,
): Promise<Answer<Value>> {
  try {
    return found(await read());
  } catch (error) {
    if (absent.some((name) => isNamed(error, name))) return { kind: 'absent' };
    return answerOf(action, error);
  }
}

const askWhether = (action: string, gone: string, read: () => Promise<unknown>): Promise<Answer<true>> =>
  ask(action, [gone], async () => {
    await read();
    return true as const;
  });

function answerOf(action: string, error: unknown): Answer<never> {
  const known = translateError(error, { operation: action, resource: 'the account' });
  const isRefused =
    known instanceof BlockedError &&
    (known.code === 'ACCESS_DENIED' || known.code === 'CREDENTIALS_INVALID' || known.code === 'CLOCK_WRONG');
  return isRefused ? { kind: 'denied', action } : unknown(action, error);
}

function unknown(what: string, error: unknown): Answer<never> {
  return { kind: 'unknown', problem: `${what} failed (${nameOf(error)})` };
}

/** Errors of the network have a code, and a name that says nothing. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
