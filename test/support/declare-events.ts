import { parseConfig } from '../../shared/config/define-config.ts';
import type { Source } from '../../shared/domain/source.ts';

/**
 * A source for tests of the engine: partitioned by day, contract version `c1`, keys `k` and `t`. Every record that is
 * checked by it violates its contract, because the engine checks only what it quarantines.
 */
export function declareEvents(dedupe: 'record' | 'request' | 'none' = 'record'): Source {
  const config = parseConfig({
    sources: {
      events: {
        type: 'push',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        contract: {
          schema: { type: 'object', properties: { k: { type: 'string' }, t: { type: 'integer' } } },
        },
        key: ['k', 't'],
        eventTime: { path: 't', format: 'epoch-milliseconds' },
        partition: 'day',
        dedupe,
      },
    },
  }).sources['events'];
  if (config === undefined) throw new Error('the source is not declared');
  return {
    name: 'events',
    config,
    contract: { version: 'c1', schema: {}, columns: [] },
    check: () => ({
      status: 'rejected',
      violations: [{ field: 'k', rule: 'type', message: 'k must be a string' }],
      id: undefined,
    }),
  };
}
