import { laneOf } from './lane-of.ts';
import type { SourceConfig } from './schema.ts';

/**
 * How a source is slowed down while it is over its monthly budget: its frames go to the landing zone in place of the
 * stream, what waits there is landed each hour, or it is read less often. `none`: it is watched, and cannot be slowed.
 */
export type Slowing = 'landing' | 'hourly' | 'polling' | 'none';

export function slowingOf(source: SourceConfig): Slowing {
  switch (source.type) {
    case 'push':
    case 'webhook':
      if (source.orderBy !== undefined) return 'none';
      return laneOf(source) === 'stream' ? 'landing' : 'hourly';
    case 'stream':
      return 'none';
    case 'http':
    case 'files':
    case 'postgres':
    case 'mysql':
      return source.polling === undefined ? 'none' : 'polling';
  }
}
