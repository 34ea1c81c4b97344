import { parseConfig } from '../../shared/config/define-config.ts';
import { planDeployment, type DeploymentPlan } from '../../shared/config/plan/plan-deployment.ts';
import type { SourcePlan } from '../../shared/config/plan/source-plan.ts';
import type { HeadgateConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';

/** One source as a user writes it. */
export type SourceInput = HeadgateConfigInput['sources'][string];

const contract = {
  schema: {
    type: 'object',
    properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
  },
};
const secrets = [{ parameter: '/hooks/secret' }];

/** A source of each type, with everything that plans do not look at. */
export const declare = {
  push: (change: object = {}): SourceInput => ({
    type: 'push',
    freshness: '30 seconds',
    volume: { gbPerDay: 10 },
    key: ['id'],
    contract,
    ...change,
  }),
  webhook: (change: object = {}): SourceInput => ({
    type: 'webhook',
    freshness: '1 minute',
    volume: { recordsPerSecond: 1, recordBytes: 900 },
    signature: { preset: 'github', secrets },
    contract,
    ...change,
  }),
  stream: (change: object = {}): SourceInput => ({
    type: 'stream',
    freshness: '10 seconds',
    volume: { gbPerDay: 10 },
    key: ['id'],
    contract,
    ...change,
  }),
  http: (change: object = {}): SourceInput => ({
    type: 'http',
    freshness: '15 minutes',
    volume: { gbPerDay: 1 },
    url: 'https://api.example.com/orders',
    key: ['id'],
    contract,
    ...change,
  }),
  files: (change: object = {}): SourceInput => ({
    type: 'files',
    freshness: '1 hour',
    volume: { gbPerDay: 1 },
    location: 's3://supplier/stock/',
    format: { type: 'csv' },
    contract,
    ...change,
  }),
  table: (change: object = {}): SourceInput => ({
    type: 'postgres',
    freshness: '5 minutes',
    volume: { gbPerDay: 2 },
    connection: { host: 'db.example.com', database: 'shop', user: 'headgate', auth: 'iam' },
    table: 'public.orders',
    columns: { id: 'bigint', updated_at: 'timestamp' },
    key: ['id'],
    ...change,
  }),
};

/** A configuration of these sources. */
export const configOf = (
  sources: Readonly<Record<string, SourceInput>>,
  change: object = {},
): HeadgateConfig => parseConfig({ sources, ...change });

/** The plan of one source, alone in a deployment, under the name `it`. */
export function planOf(source: SourceInput, change: object = {}): SourcePlan {
  return sourceOf(planDeployment(configOf({ it: source }, change)), 'it');
}

/** The plan of one of the sources of a deployment. */
export function sourceOf(plan: DeploymentPlan, name: string): SourcePlan {
  const found = plan.sources.find(({ source }) => source === name);
  if (found === undefined) throw new Error(`no plan for ${name}`);
  return found;
}
