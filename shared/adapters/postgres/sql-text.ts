import pg from 'pg';
import { BlockedError } from '../../domain/errors.ts';

/** A name as it stands in SQL. */
export const quoteName = (name: string): string => pg.escapeIdentifier(name);

/** Text as it stands in SQL: COPY takes no parameters. */
export function quoteText(text: string): string {
  if (text.includes('\0'))
    throw new BlockedError('DB_VALUE', 'a text with a zero character is no value of PostgreSQL');
  return pg.escapeLiteral(text);
}

/** A table with its schema, as it is declared: `orders` or `sales.orders`. */
export function quoteTable(table: string): string {
  return table.split('.').map(quoteName).join('.');
}
