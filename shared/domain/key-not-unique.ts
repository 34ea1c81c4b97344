import { BlockedError } from './errors.ts';

/**
 * Rows that are equal in key and cursor cannot be told apart: where a commit ends between two of them, the next one would
 * go on behind both.
 *
 * @param relation for people, such as `the table public.orders`
 */
export function keyNotUnique(relation: string, key: readonly string[]): BlockedError {
  return new BlockedError(
    'DB_KEY_NOT_UNIQUE',
    `no unique index says that the key (${key.join(', ')}) identifies a row of ${relation}: of rows with the same key and ` +
      'cursor some may be missed where a commit ends between them. Use the primary key as `key`, or add a unique index',
  );
}
