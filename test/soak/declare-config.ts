import { defineConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';

/** Sources of the soak, by what duplicates are recognised by and how records arrive. */
export type SoakSource = 'clicks' | 'payments' | 'readings';

/**
 * What the soak deploys.
 *
 * - `clicks`: pushed; every record claims its key, which has the event time in it
 * - `payments`: pushed; requests are claimed as a whole
 * - `readings`: put on a stream of its own as plain JSON; every record claims its key, which has no time
 *
 * @param version the second one is deployed while data flows: it has one more field, and `clicks` is partitioned anew
 */
export function declareConfig(version: 1 | 2): HeadgateConfig {
  const common = {
    freshness: '3 seconds',
    volume: { recordsPerSecond: 200, recordBytes: 300 },
    eventTime: { path: 'at' },
    contract: {
      schema: {
        type: 'object' as const,
        required: ['writer', 'n', 'at', 'amount'],
        properties: {
          writer: { type: 'string' as const },
          n: { type: 'integer' as const, minimum: 0 },
          at: { type: 'string' as const, format: 'date-time' },
          amount: { type: 'number' as const },
          serial: { type: 'integer' as const, format: 'int64' },
          text: { type: ['string' as const, 'null' as const] },
          place: {
            type: 'object' as const,
            properties: { city: { type: 'string' as const }, zone: { type: 'integer' as const } },
          },
          tags: { type: 'array' as const, items: { type: 'string' as const } },
          ...(version === 2 && { colour: { type: 'string' as const } }),
        },
      },
    },
  };
  return defineConfig({
    name: 'headgate-soak',
    ingest: { shards: 2 },
    sources: {
      clicks: {
        ...common,
        type: 'push',
        key: ['writer', 'n', 'at'],
        partition: version === 1 ? 'hour' : 'day',
      },
      payments: { ...common, type: 'push', key: ['writer', 'n', 'at'], partition: 'day', dedupe: 'request' },
      readings: { ...common, type: 'stream', key: ['writer', 'n'], partition: 'day' },
    },
  });
}
