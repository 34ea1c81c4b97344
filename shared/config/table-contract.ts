import { parseColumnType } from '../domain/column-type.ts';
import type { ColumnType, JsonSchema } from '../domain/contract.ts';

/**
 * The contract of a table whose columns are declared: JSON Schema in which `columnType` says what JSON cannot. Every
 * column may be null. As JSON, decimals, times and bytes (base64) are strings.
 */
export function toTableSchema(columns: Readonly<Record<string, string>>): JsonSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(columns).map(([name, word]) => [
        name,
        { ...toJsonType(parseColumnType(word)), columnType: word },
      ]),
    ),
  };
}

function toJsonType(type: ColumnType | undefined): JsonSchema {
  switch (type?.kind) {
    case 'boolean':
      return { type: ['boolean', 'null'] };
    case 'int32':
      return { type: ['integer', 'null'] };
    case 'int64':
      return { type: ['integer', 'null'], format: 'int64' };
    case 'float':
    case 'double':
      return { type: ['number', 'null'] };
    case 'list':
      return { type: ['array', 'null'], items: toJsonType(type.element) };
    case 'json':
    case undefined:
      return {};
    case 'string':
    case 'decimal':
    case 'date':
    case 'timestamp':
    case 'local-timestamp':
    case 'uuid':
    case 'bytes':
      return { type: ['string', 'null'] };
    case 'struct':
      return { type: ['object', 'null'] };
  }
}
