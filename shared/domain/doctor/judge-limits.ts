import type { AccountFinding } from './account-checks.ts';
import { whyUnknown, type Answer } from './answer.ts';
import type { LambdaLimits, ShardLimits } from './facts.ts';
import type { ConcurrencyNeeds, DeploymentNeeds } from './needs.ts';

const NEW_ACCOUNT = 'accounts begin with 10, and get 1,000 when it is asked for';
const RAISE_CONCURRENCY =
  'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000';

/** What a limit on executions at the same time means for the lanes of a configuration. */
export function judgeConcurrency(limits: Answer<LambdaLimits>, needs: ConcurrencyNeeds): AccountFinding {
  const code = 'LAMBDA_CONCURRENCY';
  if (limits.kind !== 'found') return { code, status: 'skipped', found: whyUnknown(limits) ?? '' };
  const { concurrent, unreserved } = limits.value;
  const { streams, schedules, work, push } = needs;
  const left = Math.max(0, unreserved - streams - schedules - work);
  const parts = [
    ...(streams > 0 ? [`${String(streams)} for ${plural(streams, 'shard')}`] : []),
    ...(schedules > 0 ? [`up to ${String(schedules)} for ${plural(schedules, 'schedule')}`] : []),
    ...(work > 0 ? [`up to ${String(work)} for work in queues`] : []),
    ...(push === undefined
      ? []
      : [`about ${String(push.instances)} for ${rounded(push.requestsPerSecond)} requests/s`]),
  ];
  const reserved = concurrent - unreserved;
  const limit =
    `${String(concurrent)} executions at the same time` +
    (reserved > 0 ? `, ${String(reserved)} of them reserved by functions` : '');
  const found = `${limit}; the configuration needs ${parts.join(', ')}`;
  const enough = streams + schedules + work + (push?.instances ?? 0);
  if (enough <= unreserved) return { code, status: 'ok', found };
  const consequence =
    push === undefined
      ? 'runs wait for each other'
      : left === 0
        ? 'while all runs are at work, nothing is left for what is pushed: the API answers 503'
        : `while all runs are at work, ${String(left)} are left for what is pushed: some ` +
          `${rounded((left * 1000) / push.requestMs)} requests/s, and 503 above`;
  return {
    code,
    status: unreserved <= streams || (push !== undefined && left === 0) ? 'error' : 'warning',
    found: `${found}: ${consequence}`,
    next: `${NEW_ACCOUNT}: ${RAISE_CONCURRENCY}`,
  };
}

/** Layers and functions of one deployment, and as much again while it is updated. */
const CODE_BYTES = 500e6;

export function judgeStorage(limits: Answer<LambdaLimits>): AccountFinding {
  const code = 'LAMBDA_STORAGE';
  if (limits.kind !== 'found') return { code, status: 'skipped', found: whyUnknown(limits) ?? '' };
  const { codeBytes, maxCodeBytes } = limits.value;
  const found = `${gb(codeBytes)} of ${gb(maxCodeBytes)} GB for code are used`;
  if (codeBytes + CODE_BYTES <= maxCodeBytes) return { code, status: 'ok', found };
  return {
    ...{ code, status: 'warning', found },
    next: 'delete old versions of functions and layers, or have the quota raised (L-2ACBD22F)',
  };
}

/** @param owned shards that the deployment has already */
export function judgeShards(
  limits: Answer<ShardLimits>,
  owned: Answer<number>,
  { shards }: Pick<DeploymentNeeds, 'shards'>,
): AccountFinding {
  const code = 'KINESIS_SHARDS';
  if (shards === 0) return { code, status: 'ok', found: 'no source needs a stream' };
  const why = whyUnknown(limits) ?? whyUnknown(owned);
  if (limits.kind !== 'found') return { code, status: 'skipped', found: why ?? '' };
  const { open, max } = limits.value;
  const more = Math.max(0, shards - (owned.kind === 'found' ? owned.value : 0));
  const found = `${String(open)} of ${String(max)} shards are in use; the configuration needs ${String(more)} more`;
  if (open + more <= max) return { code, status: 'ok', found };
  return {
    ...{ code, status: 'error', found },
    next: 'have the quota "Shards per Region" of Kinesis Data Streams raised, lower the shards, or set pattern: "micro-batch"',
  };
}

/** @param rate requests a second that API Gateway lets through, all APIs of the account and region together */
export function judgeApiRate(
  rate: Answer<number>,
  { requestsPerSecond }: Pick<DeploymentNeeds, 'requestsPerSecond'>,
): AccountFinding {
  const code = 'API_RATE';
  if (requestsPerSecond === 0) return { code, status: 'ok', found: 'no source is received over HTTP' };
  if (rate.kind !== 'found')
    return { code, status: 'skipped', found: whyUnknown(rate) ?? 'the quota is not known here' };
  const found =
    `API Gateway lets ${String(rate.value)} requests/s through, for all APIs together; ` +
    `the sources may be sent ${String(requestsPerSecond)}`;
  if (requestsPerSecond <= rate.value) return { code, status: 'ok', found };
  return {
    ...{ code, status: 'warning', found },
    next:
      'senders get 429 above that: lower limits.requestsPerSecond, or ' +
      'aws service-quotas request-service-quota-increase --service-code apigateway --quota-code L-8A5B8E43 --desired-value <n>',
  };
}

/**
 * @param used tables of the account and region
 * @param max how many there may be
 * @param isDeployed whether those of the deployment are among them
 */
export function judgeTables(
  used: Answer<number>,
  max: Answer<number>,
  { tables, isDeployed }: { readonly tables: number; readonly isDeployed: boolean },
): AccountFinding {
  const code = 'DYNAMODB_TABLES';
  if (used.kind !== 'found') return { code, status: 'skipped', found: whyUnknown(used) ?? '' };
  if (max.kind !== 'found')
    return { code, status: 'skipped', found: whyUnknown(max) ?? 'the quota is not known here' };
  const more = isDeployed ? 0 : tables;
  const found = `${String(used.value)} of ${String(max.value)} tables are in use; the deployment needs ${String(more)} more`;
  if (used.value + more <= max.value) return { code, status: 'ok', found };
  return {
    ...{ code, status: 'error', found },
    next: 'delete tables, or have the quota "Maximum number of tables" of DynamoDB raised (L-F98FE922)',
  };
}

const plural = (count: number, noun: string): string => `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
const rounded = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
const gb = (bytes: number): string => (bytes / 1e9).toFixed(1);
