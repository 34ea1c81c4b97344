import type { HeadgateConfigInput } from '../../shared/config/schema.ts';

/*
 * Configurations for template tests. Values that infra passes on are distinct, so that a test cannot pass because two
 * of them were swapped.
 */

const contract = {
  schema: {
    type: 'object',
    required: ['id', 'at'],
    properties: {
      id: { type: 'string' },
      at: { type: 'string', format: 'date-time' },
      amount: { type: 'number' },
      count: { type: 'integer' },
      tags: { type: 'array', items: { type: 'string' } },
    },
  },
};

const common = { volume: { gbPerDay: 1 }, key: ['id'], contract };

export const orders = {
  ...common,
  type: 'push',
  description: 'Orders of the shop',
  freshness: '60 seconds',
  partition: 'hour',
  alarms: { stoppedAfter: '20 minutes', maxLatency: '3 minutes', maxErrorRate: 0.07 },
  limits: { requestsPerSecond: 130 },
} as const;

const clicks = {
  ...common,
  type: 'push',
  freshness: '90 seconds',
  partition: 'day',
  limits: { requestsPerSecond: 240 },
} as const;

export const sensors = { ...common, type: 'stream', freshness: '24 seconds', shards: 5 } as const;

export const rates = {
  ...common,
  type: 'http',
  freshness: '7 minutes',
  url: { parameter: '/rates/url' },
  headers: { authorization: { parameter: '/rates/key' }, accept: 'application/json' },
  incremental: { cursor: 'id', parameter: 'after', initialValue: '' },
} as const;

const network = {
  subnets: ['subnet-0ab1234567890abc1', 'subnet-0ab1234567890abc2'],
  securityGroups: ['sg-0ab1234567890abc3'],
};

export const ledger = {
  volume: common.volume,
  key: common.key,
  type: 'postgres',
  freshness: '11 minutes',
  polling: { floor: '2 minutes', ceiling: '9 minutes' },
  tasksMax: 6,
  connection: {
    host: { parameter: '/ledger/host' },
    database: 'books',
    user: 'reader',
    auth: 'iam',
    network,
  },
  table: 'public.entries',
  columns: { id: 'bigint', at: 'timestamp' },
  changes: 'upserts-and-deletes',
  incremental: { cursor: 'at' },
  deletes: { reconcile: {} },
} as const;

const stock = {
  ...ledger,
  type: 'mysql',
  tasksMax: 3,
  polling: undefined,
  incremental: undefined,
  deletes: undefined,
  connection: {
    host: 'stock.example.com',
    database: 'stock',
    user: 'reader',
    password: { parameter: '/stock/password' },
  },
} as const;

const drops = {
  volume: common.volume,
  contract,
  type: 'files',
  freshness: '13 minutes',
  location: 's3://supplier/stock/',
  pattern: 'daily/**/*.csv',
  notifications: true,
  format: { type: 'csv' },
} as const;

/** A source of every type. */
export const everything = {
  name: 'lab',
  notify: { email: 'ops@example.com' },
  ingest: { shards: 3, retention: '4 days' },
  retention: { infrequentAccessAfterDays: 31, glacierAfterDays: 92, deepArchiveAfterDays: 383 },
  sources: { orders, clicks, sensors, rates, ledger, stock, drops },
} satisfies HeadgateConfigInput;
