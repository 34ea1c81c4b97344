import {
  ACCOUNT_CHECKS,
  type AccountCheck,
  type AccountFinding,
} from '../../domain/doctor/account-checks.ts';
import { found, type Answer } from '../../domain/doctor/answer.ts';
import type { Identity, StackAnswers } from '../../domain/doctor/facts.ts';
import {
  BOOTSTRAP_STACK,
  judgeBootstrap,
  judgeNames,
  judgeStacks,
} from '../../domain/doctor/judge-deployment.ts';
import {
  judgeApiRate,
  judgeConcurrency,
  judgeShards,
  judgeStorage,
  judgeTables,
} from '../../domain/doctor/judge-limits.ts';
import {
  judgeClock,
  judgeCredentials,
  judgeRegion,
  judgeRuntime,
} from '../../domain/doctor/judge-machine.ts';
import { judgeDeployPermissions, judgePermissions } from '../../domain/doctor/judge-permissions.ts';
import type { DeploymentNeeds } from '../../domain/doctor/needs.ts';
import type { Account } from '../../ports/account.ts';
import { within } from '../checks/within.ts';

export interface ExamineOptions {
  readonly account: Account;
  readonly needs: DeploymentNeeds;
  /** Version of Node, such as `24.1.0`. */
  readonly nodeVersion: string;
  /** Whether the "account" is an emulator on this machine, which has neither quotas nor permissions. */
  readonly isLocal: boolean;
  /** Longest time for one question. */
  readonly limitMs: number;
}

/** Quotas that are asked for by their codes: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html */
const QUOTAS = {
  apiRate: ['apigateway', 'L-8A5B8E43'],
  tables: ['dynamodb', 'L-F98FE922'],
} as const;

/** What an emulator has no answer to that would mean anything. */
const NOT_LOCAL: ReadonlySet<AccountCheck> = new Set([
  'BOOTSTRAP',
  'LAMBDA_CONCURRENCY',
  'LAMBDA_STORAGE',
  'KINESIS_SHARDS',
  'API_RATE',
  'DYNAMODB_TABLES',
  'PERMISSIONS',
  'DEPLOY_PERMISSIONS',
]);

/** The roles that `cdk deploy` uses. */
const CDK_ROLES = ['deploy-role', 'file-publishing-role', 'lookup-role'];
const EXECUTION_ROLE = 'cfn-exec-role';

/**
 * Looks at an account before something is deployed to it. One finding for each of `ACCOUNT_CHECKS`, in its order; nothing
 * is changed, nothing is thrown, and what never answers is skipped.
 */
export async function examineAccount(options: ExamineOptions): Promise<readonly AccountFinding[]> {
  const { nodeVersion, isLocal } = options;
  const account = timed(options.account, options.limitMs);
  const region = await account.region();
  const identity: Answer<Identity> =
    region.kind === 'found' ? await account.identity() : { kind: 'unknown', problem: 'no region is set' };
  const onMachine = [
    judgeRuntime(nodeVersion),
    judgeRegion(region),
    region.kind === 'found'
      ? judgeCredentials(identity, isLocal)
      : skipped('CREDENTIALS', 'no region is set'),
    judgeClock(identity),
  ];
  const rest =
    region.kind === 'found' && identity.kind === 'found'
      ? await examineRest({ ...options, account }, identity.value, region.value)
      : [];
  const findings = new Map([...onMachine, ...rest].map((finding) => [finding.code, finding]));
  return (Object.keys(ACCOUNT_CHECKS) as AccountCheck[]).map((code) => {
    if (isLocal && NOT_LOCAL.has(code)) return skipped(code, 'an emulator on this machine has none');
    return findings.get(code) ?? skipped(code, 'nobody can be asked without a region and valid credentials');
  });
}

const skipped = (code: AccountCheck, why: string): AccountFinding => ({
  code,
  status: 'skipped',
  found: why,
});

async function examineRest(
  options: ExamineOptions,
  identity: Identity,
  region: string,
): Promise<readonly AccountFinding[]> {
  const { account, needs, isLocal } = options;
  const asking = Promise.all(needs.stacks.map(async (name) => [name, await account.stack(name)] as const));
  const [stacks, names, limits] = await Promise.all([
    asking,
    Promise.all(needs.names.map(async (resource) => [resource, await account.exists(resource)] as const)),
    isLocal ? [] : examineLimits(options, identity, region, asking),
  ]);
  return [judgeStacks(stacks), judgeNames(names, stacks), ...limits];
}

async function examineLimits(
  { account, needs }: ExamineOptions,
  identity: Identity,
  region: string,
  asking: Promise<StackAnswers>,
): Promise<readonly AccountFinding[]> {
  const roleArn = (role: string): string =>
    `arn:${identity.partition}:iam::${identity.account}:role/cdk-hnb659fds-${role}-${identity.account}-${region}`;
  const roles = CDK_ROLES.map(roleArn);
  const [version, stack, lambda, rate, used, maxTables, shards, owned, caller, execution] = await Promise.all(
    [
      account.bootstrapVersion(),
      account.stack(BOOTSTRAP_STACK),
      account.lambdaLimits(),
      account.quota(...QUOTAS.apiRate),
      account.tableCount(),
      account.quota(...QUOTAS.tables),
      account.shardLimits(),
      asking.then((stacks) => account.openShards(streamsOf(stacks))),
      // The root user may do everything, and cannot be simulated.
      identity.arn.endsWith(':root')
        ? found({ principal: identity.arn, denied: [] })
        : account.simulate(identity.arn, ['sts:AssumeRole'], roles),
      account.simulate(roleArn(EXECUTION_ROLE), needs.actions, ['*']),
    ],
  );
  const isDeployed = (await asking).some(
    ([name, { kind }]) => name === `${needs.name}-storage` && kind === 'found',
  );
  return [
    judgeBootstrap(version, stack, { account: identity.account, region }),
    judgeConcurrency(lambda, needs.concurrency),
    judgeStorage(lambda),
    judgeShards(shards, owned, needs),
    judgeApiRate(rate, needs),
    judgeTables(used, maxTables, { tables: needs.tables, isDeployed }),
    judgePermissions(caller, roles),
    judgeDeployPermissions(execution),
  ];
}

function streamsOf(stacks: StackAnswers): readonly string[] {
  return stacks.flatMap(([, answer]) =>
    answer.kind === 'found'
      ? answer.value.resources.filter(({ type }) => type === 'AWS::Kinesis::Stream').map(({ id }) => id)
      : [],
  );
}

/** The same account, whose questions are given up after a time. */
function timed(account: Account, limitMs: number): Account {
  const limit = <Value>(answer: Promise<Answer<Value>>): Promise<Answer<Value>> =>
    within(
      limitMs,
      answer.catch((error: unknown): Answer<Value> => {
        return { kind: 'unknown', problem: error instanceof Error ? error.message : String(error) };
      }),
      () => ({
        kind: 'unknown',
        problem: `AWS did not answer within ${String(Math.round(limitMs / 1000))} s`,
      }),
    );
  return {
    region: () => limit(account.region()),
    identity: () => limit(account.identity()),
    bootstrapVersion: () => limit(account.bootstrapVersion()),
    stack: (name) => limit(account.stack(name)),
    lambdaLimits: () => limit(account.lambdaLimits()),
    shardLimits: () => limit(account.shardLimits()),
    openShards: (streams) => limit(account.openShards(streams)),
    tableCount: () => limit(account.tableCount()),
    quota: (service, code) => limit(account.quota(service, code)),
    exists: (resource) => limit(account.exists(resource)),
    simulate: (principal, actions, resources) => limit(account.simulate(principal, actions, resources)),
  };
}
