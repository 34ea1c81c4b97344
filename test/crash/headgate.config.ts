import { defineConfig } from '../../shared/config/define-config.ts';

/** One source with a stream of its own, whose shards are the workers of the crash matrix. */
export default defineConfig({
  name: 'headgate-crash',
  sources: {
    events: {
      type: 'stream',
      shards: 6,
      freshness: '3 seconds',
      volume: { gbPerDay: 1 },
      key: ['writer', 'n', 'at'],
      eventTime: { path: 'at' },
      partition: 'day',
      contract: {
        schema: {
          type: 'object',
          required: ['writer', 'n', 'at'],
          properties: {
            writer: { type: 'string' },
            n: { type: 'integer' },
            at: { type: 'string', format: 'date-time' },
          },
        },
      },
    },
  },
});
