/** How a check came out; `skipped` says why nothing is known. */
type CheckStatus = 'ok' | 'warning' | 'error' | 'skipped';

export interface AccountFinding {
  readonly code: AccountCheck;
  readonly status: CheckStatus;
  /** What was found, or why nothing was. */
  readonly found: string;
  /** What to do; of warnings and errors, and where it would tell more. */
  readonly next?: string | undefined;
}

/** Everything that `headgate doctor` looks at in an account. Codes are stable. */
export const ACCOUNT_CHECKS = {
  RUNTIME: { looks: 'the version of Node', asks: [] },
  REGION: { looks: 'whether a region is set', asks: [] },
  CREDENTIALS: {
    looks: 'whose credentials are used, and whether they are valid',
    asks: ['sts:GetCallerIdentity'],
  },
  CLOCK: { looks: 'how far the clock of this machine is off', asks: ['sts:GetCallerIdentity'] },
  BOOTSTRAP: {
    looks: 'whether the account and region are bootstrapped for CDK, and with a version that is new enough',
    asks: ['ssm:GetParameter', 'cloudformation:DescribeStacks'],
  },
  STACKS: {
    looks: 'whether the stacks of the deployment are in a state that can be deployed to',
    asks: ['cloudformation:DescribeStacks', 'cloudformation:ListStackResources'],
  },
  NAMES: {
    looks: 'whether names that the deployment will use are taken by something that is not its own',
    asks: [
      'lambda:GetFunctionConfiguration',
      'logs:DescribeLogGroups',
      'scheduler:GetScheduleGroup',
      'kms:DescribeKey',
      'glue:GetDatabase',
      'ssm:GetParameter',
    ],
  },
  LAMBDA_CONCURRENCY: {
    looks:
      'whether enough functions may run at the same time (10 in new accounts), by the lanes of the configuration',
    asks: ['lambda:GetAccountSettings'],
  },
  LAMBDA_STORAGE: { looks: 'whether there is room for the code', asks: ['lambda:GetAccountSettings'] },
  KINESIS_SHARDS: {
    looks: 'whether the shards that are planned fit into the limit of the account',
    asks: ['kinesis:DescribeLimits', 'kinesis:DescribeStreamSummary'],
  },
  API_RATE: {
    looks: 'whether API Gateway lets through what the sources may be sent',
    asks: ['servicequotas:GetServiceQuota', 'servicequotas:GetAWSDefaultServiceQuota'],
  },
  DYNAMODB_TABLES: {
    looks: 'whether there is room for the tables',
    asks: ['dynamodb:ListTables', 'servicequotas:GetServiceQuota', 'servicequotas:GetAWSDefaultServiceQuota'],
  },
  PERMISSIONS: {
    looks: 'whether the credentials may use the roles that CDK deploys with, by the simulator of IAM',
    asks: ['iam:GetRole', 'iam:SimulatePrincipalPolicy'],
  },
  DEPLOY_PERMISSIONS: {
    looks:
      'whether the role that creates resources may create those of the configuration, by the simulator of IAM',
    asks: ['iam:SimulatePrincipalPolicy'],
  },
} as const satisfies Readonly<Record<string, { readonly looks: string; readonly asks: readonly string[] }>>;

export type AccountCheck = keyof typeof ACCOUNT_CHECKS;
