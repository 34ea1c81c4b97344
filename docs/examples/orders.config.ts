import { defineConfig } from '../../shared/config/define-config.ts';

export default defineConfig({
  sources: {
    orders: {
      // Five questions decide how a source is ingested.
      freshness: '30 seconds',
      volume: { recordsPerSecond: 50, recordBytes: 900 },
      type: 'push',
      changes: 'append',
      budget: { usdPerGb: 0.5 },

      // What a record looks like: JSON Schema. Its properties become typed columns.
      contract: {
        schema: {
          type: 'object',
          required: ['id', 'placedAt'],
          properties: {
            id: { type: 'string' },
            placedAt: { type: 'string', format: 'date-time' },
            amount: { type: 'number' },
          },
        },
      },
      key: ['id', 'placedAt'], // what makes a record the same record
      eventTime: { path: 'placedAt' }, // what it is partitioned by
    },
  },
});
