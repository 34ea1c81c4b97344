import { defineConfig } from '../../shared/config/define-config.ts';

export default defineConfig({
  sources: {
    events: {
      type: 'push',
      freshness: '30 seconds',
      volume: { recordsPerSecond: 20, recordBytes: 700 },
      contract: {
        // The event in its JSON format; other attributes are kept in the column _extra.
        schema: {
          type: 'object',
          properties: {
            id: { type: 'string' },
            source: { type: 'string' },
            type: { type: 'string' },
            subject: { type: 'string' },
            time: { type: 'string', format: 'date-time' },
            data: { type: 'object', properties: { orderId: { type: 'string' }, amount: { type: 'number' } } },
          },
        },
      },
      key: ['source', 'id'], // what makes a CloudEvent the same event
      eventTime: { path: 'time' },
    },
  },
});
