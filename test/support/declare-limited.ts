import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput, PushSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

type Limits = Extract<HeadgateConfigInput['sources'][string], { type: 'push' }>['limits'];

/** A pushed source `orders` with these limits, for tests that look at nothing else of it. */
export function declareLimited(limits: Limits, name = 'orders'): Source<PushSourceConfig> {
  const config = parseConfig({
    sources: {
      [name]: {
        type: 'push',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        key: ['id'],
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
        limits,
      },
    },
  }).sources[name];
  if (config?.type !== 'push') throw new Error('the source is not declared');
  return {
    name,
    config,
    contract: { version: 'c1', schema: {}, columns: [] },
    check: () => ({ status: 'rejected', violations: [], id: undefined }),
  };
}
