import type { WatchedSource } from '../domain/watch/source-finding.ts';

/**
 * What the hourly watch has found, for whoever shows it, and for the next watch, which tells what has changed.
 *
 * Promises of every implementation:
 * - `read` answers what the last `save` was given that ended before it began.
 * - What a source had is kept for weeks after it was last saved.
 */
export interface FindingStore {
  /** Undefined: the source was not watched yet. */
  read(source: string): Promise<WatchedSource | undefined>;

  save(source: string, watched: WatchedSource): Promise<void>;
}
