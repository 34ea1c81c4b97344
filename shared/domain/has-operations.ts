import type { SourceConfig } from '../config/schema.ts';

/**
 * Whether the files of a source have the column `_op`: those of all databases, whatever is read of them, so that all
 * files of one source have the same columns. It is `d` for a row that says that a row is gone, and null otherwise.
 */
export function hasOperations({ type }: Pick<SourceConfig, 'type'>): boolean {
  return type === 'postgres' || type === 'mysql';
}
