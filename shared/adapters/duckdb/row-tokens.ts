import type { Column } from '../../domain/contract.ts';
import { quoteName } from './column-sql.ts';

/** A value of a column in SQL, as text: times in microseconds, dates in days, bytes in hexadecimal digits. */
export function toTokenSql({ name, type }: Column, aggregate?: 'min' | 'max'): string {
  const column = aggregate === undefined ? quoteName(name) : `${aggregate}(${quoteName(name)})`;
  switch (type.kind) {
    case 'date':
      return `CAST(${column} - DATE '1970-01-01' AS VARCHAR)`;
    case 'timestamp':
    case 'local-timestamp':
      return `CAST(epoch_us(${column}) AS VARCHAR)`;
    case 'boolean':
      return `CAST(CAST(${column} AS INTEGER) AS VARCHAR)`;
    case 'float':
    case 'double':
      return `CAST(CAST(${column} AS DOUBLE) AS VARCHAR)`;
    case 'bytes':
      return `lower(hex(${column}))`;
    case 'int32':
    case 'int64':
    case 'decimal':
    case 'uuid':
    case 'json':
    case 'string':
    case 'list':
    case 'struct':
      return `CAST(${column} AS VARCHAR)`;
  }
}

/** The unscaled digits of a decimal. */
export const unscaled = (text: string): string => text.replace('.', '');
