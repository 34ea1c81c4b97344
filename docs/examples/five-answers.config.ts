import { defineConfig } from '../../shared/config/define-config.ts';

const contract = {
  schema: {
    type: 'object',
    required: ['id', 'at'],
    properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
  },
};

export default defineConfig({
  sources: {
    // Events of a shop, from many servers with the client library.
    clicks: {
      type: 'push',
      freshness: '30 seconds',
      volume: { gbPerDay: 50 },
      changes: 'append',
      key: ['id'],
      contract,
    },
    // What a scoring service writes; nobody looks at it more often than every quarter of an hour.
    scores: {
      type: 'push',
      freshness: '15 minutes',
      volume: { gbPerDay: 2 },
      changes: 'append',
      key: ['id'],
      contract,
    },
    // A table whose rows are changed.
    orders: {
      type: 'postgres',
      freshness: '5 minutes',
      volume: { gbPerDay: 2 },
      changes: 'upserts',
      budget: { usdPerGb: 0.1 },
      connection: { host: 'db.example.com', database: 'shop', user: 'headgate', auth: 'iam' },
      table: 'public.orders',
      columns: { id: 'bigint', updated_at: 'timestamp', amount: 'decimal(12,2)' },
      key: ['id'],
      incremental: { cursor: 'updated_at' },
    },
    // A supplier's files.
    stock: {
      type: 'files',
      freshness: '1 hour',
      volume: { gbPerDay: 1 },
      changes: 'append',
      location: 's3://supplier-deliveries/stock/',
      format: { type: 'csv' },
      pattern: '**/*.csv.gz',
      contract,
    },
  },
});
