import type { SourceConfig } from '../config/schema.ts';
import { partitionNumber, partitionPath } from './object-key.ts';

/**
 * Whether the keys of a source can be sliced by time. A slice may depend only on immutable content that is part of the
 * key: two records with one key must meet in one bucket, whenever they arrive.
 */
function hasTimeInKey(config: SourceConfig): boolean {
  return config.eventTime !== undefined && config.key.includes(config.eventTime.path);
}

/** The bucket in whose log a key is claimed; one bucket per partition, or one for all where keys have no time. */
export function claimBucket(source: string, config: SourceConfig, eventTimeMs: number): string {
  if (!hasTimeInKey(config)) return `${source}#all`;
  return `${source}#${partitionPath(config.partition, partitionNumber(config.partition, eventTimeMs))}`;
}
