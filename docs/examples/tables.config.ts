import { defineConfig } from '../../shared/config/define-config.ts';

export default defineConfig({
  sources: {
    // A table that is followed by the time of its last change.
    orders: {
      type: 'postgres',
      freshness: '5 minutes',
      volume: { gbPerDay: 2 },
      changes: 'upserts',
      connection: {
        host: { parameter: '/shop/database/host' },
        database: 'shop',
        user: 'headgate',
        password: { parameter: '/shop/database/password' },
      },
      table: 'public.orders',
      columns: {
        id: 'bigint',
        placed_at: 'timestamp',
        updated_at: 'timestamp',
        amount: 'decimal(12,2)',
        note: 'text',
      },
      key: ['id'],
      eventTime: { path: 'placed_at' },
      partition: 'day',
      incremental: { cursor: 'updated_at' },
      polling: { floor: '1 minute' },
    },
    // What a supplier puts into a bucket.
    stock: {
      type: 'files',
      freshness: '1 hour',
      volume: { gbPerDay: 0.1 },
      location: 's3://supplier-deliveries/stock/',
      pattern: '**/*.csv.gz',
      format: { type: 'csv', delimiter: ';' },
      contract: {
        schema: {
          type: 'object',
          required: ['sku'],
          properties: { sku: { type: 'string' }, pieces: { type: 'integer' } },
        },
      },
    },
  },
});
