import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListStackResourcesCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
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
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsAccount } from '../../../shared/adapters/aws/aws-account.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { ACCOUNT_CHECKS } from '../../../shared/domain/doctor/account-checks.ts';
import type { Answer } from '../../../shared/domain/doctor/answer.ts';
import { startLocalServer } from '../../support/local-server.ts';

const mocks = {
  sts: mockClient(STSClient),
  ssm: mockClient(SSMClient),
  cloudFormation: mockClient(CloudFormationClient),
  lambda: mockClient(LambdaClient),
  kinesis: mockClient(KinesisClient),
  dynamodb: mockClient(DynamoDBClient),
  quotas: mockClient(ServiceQuotasClient),
  logs: mockClient(CloudWatchLogsClient),
  scheduler: mockClient(SchedulerClient),
  kms: mockClient(KMSClient),
  glue: mockClient(GlueClient),
  iam: mockClient(IAMClient),
};
/** What all mocks have, whatever their service. */
interface Mock {
  reset(): unknown;
  onAnyCommand(): { rejects(error: Error): unknown };
  calls(): readonly { readonly args: readonly [object, ...unknown[]] }[];
}
const all = Object.values(mocks) as unknown as readonly Mock[];
const clock = new ManualClock();
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const account = new AwsAccount({ clock, connect: { region: 'eu-west-1', credentials } });
const failure = (name: string): Error => Object.assign(new Error('text that must not matter'), { name });

beforeEach(() => {
  for (const mock of all) {
    mock.reset();
    mock.onAnyCommand().rejects(failure('NotStubbed'));
  }
});
afterEach(() => {
  // Whatever was asked: a read.
  for (const mock of all)
    for (const call of mock.calls())
      expect(call.args[0].constructor.name).toMatch(/^(Get|List|Describe|Simulate)\w+Command$/);
});

/** Every question. */
const QUESTIONS: readonly (() => Promise<Answer<unknown>>)[] = [
  () => account.identity(),
  () => account.bootstrapVersion(),
  () => account.stack('lab-storage'),
  () => account.lambdaLimits(),
  () => account.shardLimits(),
  () => account.openShards(['s']),
  () => account.tableCount(),
  () => account.quota('lambda', 'L-1'),
  ...(['function', 'log group', 'schedule group', 'key alias', 'database'] as const).map(
    (kind) => () => account.exists({ kind, name: 'lab' }),
  ),
  () => account.simulate('arn:aws:iam::1:user/ada', ['a:B'], ['*']),
  () => account.simulate('arn:aws:sts::1:assumed-role/dev/ada', ['a:B'], ['*']),
];

test('what is refused names the permission, and the permissions are those of the documentation', async () => {
  for (const mock of all) mock.onAnyCommand().rejects(failure('AccessDenied'));
  const denied = (await Promise.all(QUESTIONS.map((ask) => ask()))).map((answer) =>
    answer.kind === 'denied' ? answer.action : answer.kind,
  );
  // Those that follow an answer to the first one.
  mocks.cloudFormation
    .on(DescribeStacksCommand)
    .resolves({ Stacks: [{ StackStatus: 'CREATE_COMPLETE' } as never] });
  mocks.quotas.on(GetServiceQuotaCommand).rejects(failure('NoSuchResourceException'));
  for (const answer of [await account.stack('s'), await account.quota('a', 'b')])
    denied.push(answer.kind === 'denied' ? answer.action : answer.kind);
  const documented = Object.values(ACCOUNT_CHECKS).flatMap(({ asks }): readonly string[] => asks);
  expect([...new Set(denied)].sort()).toEqual([...new Set(documented)].sort());
});

test('whatever else fails is an answer too, without the text of the failure', async () => {
  for (const ask of QUESTIONS) {
    const answer = await ask();
    expect(answer.kind).toBe('unknown');
    expect(JSON.stringify(answer)).toContain('NotStubbed');
    expect(JSON.stringify(answer)).not.toContain('must not matter');
  }
});

describe('credentials', () => {
  test('who they are', async () => {
    mocks.sts.on(GetCallerIdentityCommand).resolves({ Account: '7', Arn: 'arn:aws-cn:iam::7:user/ada' });
    expect(await account.identity()).toEqual({
      kind: 'found',
      value: {
        account: '7',
        arn: 'arn:aws-cn:iam::7:user/ada',
        partition: 'aws-cn',
        clockOffsetMs: undefined,
      },
    });
  });

  test.each([
    ['CredentialsProviderError', 'absent'],
    ['ExpiredToken', 'denied'],
    ['InvalidClientTokenId', 'denied'],
    ['SignatureDoesNotMatch', 'denied'],
    ['RequestTimeTooSkewed', 'denied'],
    ['TimeoutError', 'unknown'],
  ])('%s: %s', async (name, kind) => {
    mocks.sts.on(GetCallerIdentityCommand).rejects(failure(name));
    expect((await account.identity()).kind).toBe(kind);
  });

  test('how far the clock is off is read from the answer', async () => {
    mocks.sts.restore();
    const serverMs = clock.nowMs() + 90_000;
    const server = await startLocalServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/xml', date: new Date(serverMs).toUTCString() });
      response.end(
        '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::7:root</Arn><Account>7</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
      );
    });
    const real = new AwsAccount({
      clock,
      connect: { region: 'eu-west-1', endpoint: server.origin, credentials },
    });
    try {
      expect(await real.identity()).toMatchObject({
        kind: 'found',
        value: { account: '7', clockOffsetMs: 90_500 },
      });
    } finally {
      real.close();
      await server.stop();
    }
  });
});

describe('bootstrapping and stacks', () => {
  test('the version is a number, or was never written', async () => {
    mocks.ssm
      .on(GetParameterCommand, { Name: '/cdk-bootstrap/hnb659fds/version' })
      .resolves({ Parameter: { Value: '21' } });
    expect(await account.bootstrapVersion()).toEqual({ kind: 'found', value: 21 });
    mocks.ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'new' } });
    expect((await account.bootstrapVersion()).kind).toBe('unknown');
    mocks.ssm.on(GetParameterCommand).rejects(failure('ParameterNotFound'));
    expect((await account.bootstrapVersion()).kind).toBe('absent');
  });

  test('a stack with all pages of its resources; one that is deleted is not there', async () => {
    const status = (text: string) => ({ Stacks: [{ StackStatus: text } as never] });
    mocks.cloudFormation.on(DescribeStacksCommand, { StackName: 'lab' }).resolves(status('UPDATE_COMPLETE'));
    const page = (id: string, next?: string) => ({
      StackResourceSummaries: [{ ResourceType: 'T', PhysicalResourceId: id } as never],
      ...(next !== undefined && { NextToken: next }),
    });
    mocks.cloudFormation
      .on(ListStackResourcesCommand)
      .resolvesOnce(page('a', 'more'))
      .resolvesOnce(page('b'));
    expect(await account.stack('lab')).toEqual({
      kind: 'found',
      value: {
        status: 'UPDATE_COMPLETE',
        resources: [
          { type: 'T', id: 'a' },
          { type: 'T', id: 'b' },
        ],
      },
    });
    mocks.cloudFormation.on(DescribeStacksCommand).resolves(status('DELETE_COMPLETE'));
    expect((await account.stack('gone')).kind).toBe('absent');
    mocks.cloudFormation.on(DescribeStacksCommand).rejects(failure('ValidationError'));
    expect((await account.stack('never')).kind).toBe('absent');
  });
});

describe('limits', () => {
  test('of Lambda, Kinesis and DynamoDB', async () => {
    mocks.lambda.on(GetAccountSettingsCommand).resolves({
      AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 8, TotalCodeSize: 80 },
      AccountUsage: { TotalCodeSize: 5 },
    });
    expect(await account.lambdaLimits()).toEqual({
      kind: 'found',
      value: { concurrent: 10, unreserved: 8, codeBytes: 5, maxCodeBytes: 80 },
    });
    mocks.kinesis.on(DescribeLimitsCommand).resolves({ OpenShardCount: 3, ShardLimit: 200 });
    expect(await account.shardLimits()).toEqual({ kind: 'found', value: { open: 3, max: 200 } });
    for (const [name, count] of [
      ['a', 2],
      ['b', 5],
    ] as const)
      mocks.kinesis
        .on(DescribeStreamSummaryCommand, { StreamName: name })
        .resolves({ StreamDescriptionSummary: { OpenShardCount: count } as never });
    expect(await account.openShards(['a', 'b'])).toEqual({ kind: 'found', value: 7 });
    expect(await account.openShards([])).toEqual({ kind: 'found', value: 0 });
    mocks.dynamodb
      .on(ListTablesCommand)
      .resolvesOnce({ TableNames: ['a', 'b'], LastEvaluatedTableName: 'b' })
      .resolvesOnce({ TableNames: ['c'] });
    expect(await account.tableCount()).toEqual({ kind: 'found', value: 3 });
    mocks.lambda.on(GetAccountSettingsCommand).resolves({});
    expect((await account.lambdaLimits()).kind).toBe('unknown');
  });

  test('a quota is the applied one, else the default', async () => {
    const asked = { ServiceCode: 'apigateway', QuotaCode: 'L-1' };
    mocks.quotas.on(GetAWSDefaultServiceQuotaCommand, asked).resolves({ Quota: { Value: 10_000 } });
    mocks.quotas.on(GetServiceQuotaCommand, asked).resolves({ Quota: { Value: 2_500 } });
    expect(await account.quota('apigateway', 'L-1')).toEqual({ kind: 'found', value: 2_500 });
    mocks.quotas.on(GetServiceQuotaCommand).rejects(failure('NoSuchResourceException'));
    expect(await account.quota('apigateway', 'L-1')).toEqual({ kind: 'found', value: 10_000 });
    mocks.quotas.on(GetAWSDefaultServiceQuotaCommand).rejects(failure('NoSuchResourceException'));
    expect((await account.quota('apigateway', 'L-1')).kind).toBe('absent');
  });
});

test('whether a name is taken', async () => {
  const name = 'lab';
  mocks.lambda.on(GetFunctionConfigurationCommand, { FunctionName: name }).resolves({});
  mocks.scheduler.on(GetScheduleGroupCommand, { Name: name }).resolves({});
  mocks.kms.on(DescribeKeyCommand, { KeyId: name }).resolves({});
  mocks.glue.on(GetDatabaseCommand, { Name: name }).resolves({});
  mocks.ssm.on(GetParameterCommand, { Name: name }).resolves({});
  mocks.logs
    .on(DescribeLogGroupsCommand, { logGroupNamePrefix: name })
    .resolves({ logGroups: [{ logGroupName: name }] });
  const kinds = ['function', 'schedule group', 'key alias', 'database', 'parameter', 'log group'] as const;
  const ask = (): Promise<string[]> =>
    Promise.all(kinds.map(async (kind) => (await account.exists({ kind, name })).kind));
  expect(await ask()).toEqual(kinds.map(() => 'found'));
  mocks.lambda.on(GetFunctionConfigurationCommand).rejects(failure('ResourceNotFoundException'));
  mocks.scheduler.on(GetScheduleGroupCommand).rejects(failure('ResourceNotFoundException'));
  mocks.kms.on(DescribeKeyCommand).rejects(failure('NotFoundException'));
  mocks.glue.on(GetDatabaseCommand).rejects(failure('EntityNotFoundException'));
  mocks.ssm.on(GetParameterCommand).rejects(failure('ParameterNotFound'));
  mocks.logs.on(DescribeLogGroupsCommand).resolves({ logGroups: [{ logGroupName: `${name}-longer` }] });
  expect(await ask()).toEqual(kinds.map(() => 'absent'));
});

describe('the simulator of IAM', () => {
  const decided = (action: string, decision: string, more: object = {}) =>
    ({ EvalActionName: action, EvalDecision: decision, ...more }) as never;

  test('is asked of the role of a session, by its full name', async () => {
    const arn = 'arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/dev';
    mocks.iam.on(GetRoleCommand, { RoleName: 'dev' }).resolves({ Role: { Arn: arn } as never });
    mocks.iam
      .on(SimulatePrincipalPolicyCommand, {
        PolicySourceArn: arn,
        ActionNames: ['a:B'],
        ResourceArns: ['arn:x'],
      })
      .resolves({ EvaluationResults: [decided('a:B', 'allowed')] });
    expect(await account.simulate('arn:aws:sts::1:assumed-role/dev/ada@lab', ['a:B'], ['arn:x'])).toEqual({
      kind: 'found',
      value: { principal: arn, denied: [] },
    });
  });

  test('what is not allowed on each of the resources is denied; what depends on a condition is not known', async () => {
    const each = (...all: string[]) => ({
      ResourceSpecificResults: all.map((decision) => ({
        EvalResourceName: 'r',
        EvalResourceDecision: decision,
      })),
    });
    mocks.iam.on(SimulatePrincipalPolicyCommand).resolves({
      EvaluationResults: [
        decided('a:Allowed', 'allowed'),
        decided('a:Denied', 'implicitDeny'),
        decided('a:Refused', 'explicitDeny'),
        decided('a:OnAll', 'allowed', each('allowed', 'allowed')),
        decided('a:OnSome', 'allowed', each('allowed', 'implicitDeny')),
        decided('a:Perhaps', 'implicitDeny', { MissingContextValues: ['aws:SourceIp'] }),
      ],
    });
    expect(await account.simulate('arn:aws:iam::1:user/ada', [], [])).toEqual({
      kind: 'found',
      value: { principal: 'arn:aws:iam::1:user/ada', denied: ['a:Denied', 'a:Refused', 'a:OnSome'] },
    });
  });

  test('a role that is not there is absent; federated users cannot be simulated', async () => {
    mocks.iam.on(SimulatePrincipalPolicyCommand).rejects(failure('NoSuchEntityException'));
    expect((await account.simulate('arn:aws:iam::1:role/none', [], [])).kind).toBe('absent');
    expect((await account.simulate('arn:aws:sts::1:federated-user/ada', [], [])).kind).toBe('unknown');
  });
});
