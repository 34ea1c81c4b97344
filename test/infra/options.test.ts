import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { toBundleModule } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import { configSchema, type HeadgateConfigInput } from '../../shared/config/schema.ts';
import { everything } from './configs.ts';
import { synth } from './synth.ts';

/*
 * Every option of headgate.config.ts does something: it changes the template, or it changes what the functions carry
 * (and with their hash the template). The table names each option once; an option that is missing here fails a test.
 */

const { orders, clicks, sensors, rates } = everything.sources;
const schema = {
  type: 'object',
  required: ['id', 'at'],
  properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
};

const withSource = (name: string, source: object): HeadgateConfigInput => ({
  ...everything,
  sources: { ...everything.sources, [name]: source },
});
const push = (change: object): HeadgateConfigInput => withSource('orders', { ...orders, ...change });
const stream = (change: object): HeadgateConfigInput => withSource('sensors', { ...sensors, ...change });
const http = (change: object): HeadgateConfigInput => withSource('rates', { ...rates, ...change });

const secrets = [{ parameter: '/hooks/secret' }];
const hook = {
  type: 'webhook',
  freshness: '1 minute',
  volume: { gbPerDay: 1 },
  contract: { schema },
  signature: { preset: 'standard-webhooks', secrets },
};

const { ledger, stock, drops } = everything.sources;
const database = (change: object): HeadgateConfigInput => withSource('ledger', { ...ledger, ...change });
/** The same as a change log: of that nobody looks for deletes. */
const changeLog = (change: object): HeadgateConfigInput =>
  database({ changes: undefined, incremental: undefined, deletes: undefined, ...change });
const reconcile = (change: object): HeadgateConfigInput => database({ deletes: { reconcile: change } });
const connect = (change: object): HeadgateConfigInput =>
  database({ connection: { ...ledger.connection, ...change } });
const login = (change: object): HeadgateConfigInput =>
  withSource('stock', { ...stock, connection: { ...stock.connection, ...change } });

const limits = (change: object): HeadgateConfigInput => push({ limits: { ...orders.limits, ...change } });
const eventTime = (change: object): HeadgateConfigInput =>
  push({ eventTime: { path: 'amount', format: 'epoch-seconds', ...change } });
const since = { cursor: 'at', parameter: 'since', initialValue: '2024-01-01T00:00:00Z' };
const incremental = (change: object): HeadgateConfigInput => http({ incremental: { ...since, ...change } });

const files = (change: object = {}): HeadgateConfigInput => withSource('drops', { ...drops, ...change });
const csv = (change: object): HeadgateConfigInput => files({ format: { ...drops.format, ...change } });

const post = { method: 'POST', body: { q: 1 } };
const rateLimit = (change: object): HeadgateConfigInput => http({ rateLimit: { ...change } });
const parent = {
  url: 'https://api.example.com/shops',
  key: 'id',
  query: { sort: 'id' },
  recordsPath: 'shops',
  include: { shopId: 'id' },
};
const nested = (change: object = {}): HeadgateConfigInput =>
  http({
    url: 'https://api.example.com/shops/{parent.id}/orders',
    incremental: undefined,
    parent: { ...parent, ...change },
  });

/** An option, a configuration with another value of it, and the same configuration without that change. */
type Variant = readonly [option: string, config: HeadgateConfigInput, base?: HeadgateConfigInput];

const TEMPLATE_OPTIONS: readonly Variant[] = [
  ['sources.*.pauseAfterFailures', database({ pauseAfterFailures: 11 })],
  ['sources.*.polling.ceiling', database({ polling: { ...ledger.polling, ceiling: '8 minutes' } })],
  ['sources.*.tasksMax', database({ tasksMax: 7 })],
  ['sources.*.connection.host', connect({ host: { parameter: '/other/host' } })],
  ['sources.*.connection.user', connect({ user: 'writer' })],
  ['sources.*.connection.auth', connect({ auth: 'password', password: { parameter: '/p' } })],
  ['sources.*.connection.password.parameter', login({ password: { parameter: '/other/password' } })],
  [
    'sources.*.connection.network.subnets',
    connect({ network: { ...ledger.connection.network, subnets: ['subnet-0ab1234567890abc9'] } }),
  ],
  [
    'sources.*.connection.network.securityGroups',
    connect({ network: { ...ledger.connection.network, securityGroups: ['sg-0ab1234567890abc9'] } }),
  ],
  ['name', { ...everything, name: 'other' }],
  [
    'notify.eventBus',
    { ...everything, notify: { eventBus: 'arn:aws:events:us-east-1:123456789012:event-bus/alarms' } },
    { ...everything, notify: {} },
  ],
  ['notify.email', { ...everything, notify: { email: 'else@example.com' } }],
  ['ingest.shards', { ...everything, ingest: { ...everything.ingest, shards: 4 } }],
  ['ingest.retention', { ...everything, ingest: { ...everything.ingest, retention: '5 days' } }],
  [
    'retention.infrequentAccessAfterDays',
    { ...everything, retention: { ...everything.retention, infrequentAccessAfterDays: 32 } },
  ],
  [
    'retention.glacierAfterDays',
    { ...everything, retention: { ...everything.retention, glacierAfterDays: 93 } },
  ],
  [
    'retention.deepArchiveAfterDays',
    { ...everything, retention: { ...everything.retention, deepArchiveAfterDays: 384 } },
  ],
  ['sources.*.type', withSource('sensors', { ...clicks })],
  ['sources.*.description', push({ description: 'Other orders' })],
  ['sources.*.freshness', push({ freshness: '30 seconds' })],
  ['sources.*.contract.schema', push({ contract: { ...orders.contract, schema } })],
  ['sources.*.partition', push({ partition: 'day' })],
  ['sources.*.alarms.stoppedAfter', push({ alarms: { ...orders.alarms, stoppedAfter: '2 hours' } })],
  ['sources.*.alarms.maxLatency', push({ alarms: { ...orders.alarms, maxLatency: '4 minutes' } })],
  ['sources.*.alarms.maxErrorRate', push({ alarms: { ...orders.alarms, maxErrorRate: 0.2 } })],
  ['sources.*.limits.requestsPerSecond', limits({ requestsPerSecond: 131 })],
  ['sources.*.shards', stream({ shards: 6 })],
  ['sources.*.url', http({ url: { parameter: '/other/url' } })],
  ['sources.*.headers', http({ headers: { authorization: { parameter: '/other/key' } } })],
];

const FUNCTION_OPTIONS: readonly Variant[] = [
  ['sources.*.probe', database({ probe: false })],
  ['sources.*.polling.floor', database({ polling: { ...ledger.polling, floor: '3 minutes' } })],
  ['sources.*.changeLog.id', changeLog({ changeLog: { id: 'id' } })],
  [
    'sources.*.changeLog.processed',
    changeLog({ columns: { id: 'bigint', done: 'boolean' }, changeLog: { id: 'id', processed: 'done' } }),
    changeLog({ columns: { id: 'bigint', done: 'boolean' }, changeLog: { id: 'id' } }),
  ],
  ['sources.*.deletes.reconcile.every', reconcile({ every: '2 days' })],
  ['sources.*.deletes.reconcile.holdBackAbove.rows', reconcile({ holdBackAbove: { share: 0.2, rows: 7 } })],
  [
    'sources.*.deletes.reconcile.holdBackAbove.share',
    reconcile({ holdBackAbove: { share: 0.3, rows: 100 } }),
  ],
  ['sources.*.columns', database({ columns: { id: 'bigint', at: 'date' } })],
  ['sources.*.undeclared', database({ undeclared: 'freeze' })],
  ['sources.*.probe', database({ probe: { every: '2 hours' } })],
  ['sources.*.rowsPerSplit', database({ rowsPerSplit: 20_000 })],
  ['sources.*.table', database({ table: 'public.others' })],
  ['sources.*.connection.port', connect({ port: 5433 })],
  ['sources.*.connection.database', connect({ database: 'other' })],
  ['sources.*.connection.ca', connect({ ca: 'PEM' })],
  ['sources.*.connection.tls', login({ tls: 'off' })],
  ['sources.*.connection.statementTimeout', connect({ statementTimeout: '3 minutes' })],
  ['sources.*.alarms.maxVolumeDrop', push({ alarms: { ...orders.alarms, maxVolumeDrop: 0.5 } })],
  ['sources.*.alarms.maxCostRise', push({ alarms: { ...orders.alarms, maxCostRise: false } })],
  ['sources.*.volume', push({ volume: { recordsPerSecond: 5, recordBytes: 700 } })],
  ['sources.*.changes', push({ changes: 'upserts' })],
  ['prices', { ...everything, prices: 'prices.json' }],
  ['budget.usdPerGb', { ...everything, budget: { usdPerGb: 0.5 } }],
  ['budget.usdPerMonth', { ...everything, budget: { usdPerMonth: 50 } }],
  ['sources.*.budget.usdPerMonth', push({ budget: { usdPerMonth: 5 } })],
  ['sources.*.recordsPerRequest', push({ recordsPerRequest: 7 })],
  ['sources.*.budget.usdPerGb', push({ budget: { usdPerGb: 0.5 } })],
  ['sources.*.contract.dataTypes', push({ contract: { ...orders.contract, dataTypes: 'freeze' } })],
  ['sources.*.contract.columns', push({ contract: { ...orders.contract, columns: 'freeze' } })],
  ['sources.*.key', push({ key: ['id', 'at'] })],
  ['sources.*.eventTime.path', eventTime({ path: 'count' }), eventTime({})],
  ['sources.*.eventTime.format', eventTime({ format: 'epoch-milliseconds' }), eventTime({})],
  ['sources.*.dedupe', push({ dedupe: 'request' })],
  ['sources.*.dedupeWindow', push({ dedupeWindow: '8 days' })],
  ['sources.*.limits.maxBodyBytes', limits({ maxBodyBytes: '1 MB' })],
  ['sources.*.limits.maxDecompressedBytes', limits({ maxDecompressedBytes: '10 MB' })],
  ['sources.*.limits.maxRecordBytes', limits({ maxRecordBytes: '8 KiB' })],
  ['sources.*.limits.maxRecordsPerRequest', limits({ maxRecordsPerRequest: 10 })],
  ['sources.*.limits.bytesPerSecond', limits({ bytesPerSecond: '5 MB' })],
  ['sources.*.limits.perKey.requestsPerSecond', limits({ perKey: { requestsPerSecond: 5 } })],
  ['sources.*.limits.perKey.bytesPerSecond', limits({ perKey: { bytesPerSecond: '1 MB' } })],
  ['logs.share', { ...everything, logs: { share: 0.5 } }],
  ['ingest.maxLag', { ...everything, ingest: { ...everything.ingest, maxLag: '1 hour' } }],
  ['sources.*.pattern', push({ pattern: 'stream' })],
  ['sources.*.orderBy', push({ orderBy: ['id'] })],
  ['sources.*.overflow', push({ overflow: 'spill' })],
  ['sources.*.priority', push({ priority: 'high' })],
  ['sources.*.idempotencyKey', push({ idempotencyKey: 'required' })],
  ['sources.*.auth', push({ auth: { type: 'iam' } })],
  ['sources.*.cors.origins', push({ cors: { origins: '*' } })],
  [
    'sources.*.cors.maxAge',
    push({ cors: { origins: '*', maxAge: '2 hours' } }),
    push({ cors: { origins: '*' } }),
  ],
  [
    'sources.*.signature',
    withSource('hooks', { ...hook, signature: { preset: 'github', secrets } }),
    withSource('hooks', hook),
  ],
  ['sources.*.query', http({ query: { format: 'json' } })],
  ['sources.*.recordsPath', http({ recordsPath: 'data' })],
  ['sources.*.paginator', http({ paginator: { type: 'link-header' } })],
  ['sources.*.incremental.cursor', incremental({ cursor: 'id' }), incremental({})],
  ['sources.*.incremental.parameter', incremental({ parameter: 'from' }), incremental({})],
  [
    'sources.*.incremental.initialValue',
    incremental({ initialValue: '2025-01-01T00:00:00Z' }),
    incremental({}),
  ],
  ['sources.*.incremental.lookback', incremental({ lookback: '1 hour' }), incremental({})],
  ['sources.*.incremental.order', incremental({ order: 'ascending' }), incremental({})],
  ['sources.*.allowPrivateNetwork', http({ allowPrivateNetwork: true })],
  ['sources.*.requestTimeout', http({ requestTimeout: '31 seconds' })],
  ['sources.*.pagesPerCommit', http({ pagesPerCommit: 21 })],
  ['sources.*.method', http({ method: 'POST' })],
  ['sources.*.body', http(post), http({ method: 'POST' })],
  [
    'sources.*.apiBudget.requests',
    http({ apiBudget: { requests: 9, per: '1 minute' } }),
    http({ apiBudget: { requests: 8, per: '1 minute' } }),
  ],
  [
    'sources.*.apiBudget.per',
    http({ apiBudget: { requests: 9, per: '2 minutes' } }),
    http({ apiBudget: { requests: 9, per: '1 minute' } }),
  ],
  ['sources.*.rateLimit.remainingHeader', rateLimit({ remainingHeader: 'x-left' }), rateLimit({})],
  ['sources.*.rateLimit.resetHeader', rateLimit({ resetHeader: 'x-reset' }), rateLimit({})],
  ['sources.*.rateLimit.resetFormat', rateLimit({ resetFormat: 'seconds' }), rateLimit({})],
  ['sources.*.errorHandler', http({ errorHandler: [{ status: [404], action: 'ignore' }] })],
  ['sources.*.incremental.format', incremental({ format: 'epoch-seconds' }), incremental({})],
  [
    'sources.*.incremental.in',
    http({ ...post, incremental: { ...since, in: 'body' } }),
    http({ ...post, incremental: since }),
  ],
  ['sources.*.incremental.endParameter', incremental({ endParameter: 'to' }), incremental({})],
  [
    'sources.*.incremental.window',
    incremental({ endParameter: 'to', window: '1 day' }),
    incremental({ endParameter: 'to' }),
  ],
  ['sources.*.parent.url', nested({ url: 'https://api.example.com/markets' }), nested()],
  ['sources.*.parent.query', nested({ query: {} }), nested()],
  ['sources.*.parent.recordsPath', nested({ recordsPath: 'data' }), nested()],
  ['sources.*.parent.paginator', nested({ paginator: { type: 'link-header' } }), nested()],
  ['sources.*.parent.key', nested({ key: 'nr' }), nested()],
  ['sources.*.parent.include', nested({ include: {} }), nested()],
  ['sources.*.compression', files({ compression: 'gzip' }), files()],
  [
    'sources.*.development',
    files({ location: 'file:///tmp/drops/', development: true, notifications: false }),
    files(),
  ],
  ['sources.*.notifications', files({ notifications: false }), files()],
  ['sources.*.location', files({ location: 's3://supplier/other/' }), files()],
  ['sources.*.order', files({ order: 'ascending' }), files()],
  [
    'sources.*.lookbackObjects',
    files({ order: 'ascending', lookbackObjects: 7 }),
    files({ order: 'ascending' }),
  ],
  ['sources.*.maxRecordBytes', files({ maxRecordBytes: '2 MiB' }), files()],
  ['sources.*.maxCompressionRatio', files({ maxCompressionRatio: 10 }), files()],
  ['sources.*.format.type', files({ format: { type: 'ndjson' } }), files()],
  ['sources.*.format.delimiter', csv({ delimiter: ';' }), files()],
  ['sources.*.format.header', csv({ header: false }), files()],
  ['sources.*.format.quote', csv({ quote: 'none' }), files()],
  ['sources.*.format.nullValues', csv({ nullValues: ['NULL'] }), files()],
  [
    'sources.*.format.recordsPath',
    files({ format: { type: 'json', recordsPath: 'rows' } }),
    files({ format: { type: 'json' } }),
  ],
];

/** Options that need something else to have an effect, with the test that covers them. */
const COVERED_ELSEWHERE = ['protect'];

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly oneOf?: readonly SchemaNode[];
  readonly type?: string;
}

/** Options whose value is one choice among objects: named as a whole. */
const CHOICES = [
  'sources.*.volume',
  'sources.*.paginator',
  'sources.*.parent.paginator',
  'sources.*.url',
  'sources.*.auth',
  'sources.*.cors.origins',
  'sources.*.signature',
];

/** Every option that the schema knows, as a path; the entries of a record are `*`. */
function optionsOf(node: SchemaNode, path = ''): string[] {
  if (CHOICES.includes(path)) return [path];
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (node.oneOf !== undefined) return node.oneOf.flatMap((variant) => optionsOf(variant, path));
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, property]) => optionsOf(property, at(name)));
  }
  if (path === 'sources' && typeof node.additionalProperties === 'object') {
    return optionsOf(node.additionalProperties, at('*'));
  }
  return [path];
}

const templatesOf = (config: HeadgateConfigInput): string =>
  JSON.stringify([...synth(config)].map(([stack, template]) => [stack, template.toJSON() as unknown]));

const baseTemplates = templatesOf(everything);

describe('every option', () => {
  test('of the schema is in one of the tables', () => {
    const known = new Set(optionsOf(z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode));
    const listed = [...TEMPLATE_OPTIONS, ...FUNCTION_OPTIONS]
      .map(([option]) => option)
      .concat(COVERED_ELSEWHERE);
    expect([...known].sort()).toEqual([...new Set(listed)].sort());
  });

  for (const [option, config, base] of TEMPLATE_OPTIONS) {
    test(`${option} changes the template`, () => {
      expect(templatesOf(config)).not.toBe(base === undefined ? baseTemplates : templatesOf(base));
    });
  }

  for (const [option, config, base = everything] of FUNCTION_OPTIONS) {
    test(`${option} reaches the functions`, () => {
      expect(toBundleModule(parseConfig(config))).not.toBe(toBundleModule(parseConfig(base)));
    });
  }
});
