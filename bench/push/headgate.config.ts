import { defineConfig } from '../../shared/config/define-config.ts';
import { SHOP_SOURCE } from '../shop-events.ts';

/** More than the benchmark sends, so that the limits are checked and never reached. */
const limits = { requestsPerSecond: 10_000 };

/** Requests per second of the source that is sent more. */
export const LOW_LIMIT = 4;

/** What `npm run bench -- push` deploys: the benchmarks' events, pushed. */
export default defineConfig({
  name: 'headgate-bench',
  sources: {
    'shop-events': { ...SHOP_SOURCE, pattern: 'stream', limits },
    'shop-batches': { ...SHOP_SOURCE, pattern: 'micro-batch', limits },
    'shop-limited': { ...SHOP_SOURCE, pattern: 'stream', limits: { requestsPerSecond: LOW_LIMIT } },
  },
});
