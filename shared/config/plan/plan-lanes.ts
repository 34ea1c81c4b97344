import { laneOf } from '../lane-of.ts';
import type { HeadgateConfig } from '../schema.ts';

/** The configuration with the pattern of every received source filled in. */
export function planLanes(config: HeadgateConfig): HeadgateConfig {
  return {
    ...config,
    sources: Object.fromEntries(
      Object.entries(config.sources).map(([name, source]) => {
        if (source.type !== 'push' && source.type !== 'webhook') return [name, source];
        return [name, { ...source, pattern: laneOf(source) === 'stream' ? 'stream' : 'micro-batch' }];
      }),
    ),
  };
}
