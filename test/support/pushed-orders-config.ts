import { parseConfig } from '../../shared/config/define-config.ts';

/** A deployment with one pushed source, `orders`. */
export const pushedOrdersConfig = parseConfig({
  sources: {
    orders: {
      type: 'push',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      key: ['id'],
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});
