import type { PulledSourceConfig } from '../shared/config/schema.ts';
import type { Network } from './constructs/attach-to-network.ts';
import type { Named } from '../shared/config/plan/lanes.ts';

/** The network that sources are read from, which the configuration makes one; undefined: the internet. */
export function networkOf(sources: readonly Named<PulledSourceConfig>[]): Network | undefined {
  for (const [, source] of sources) {
    if ('connection' in source && source.connection.network !== undefined) return source.connection.network;
  }
  return undefined;
}
