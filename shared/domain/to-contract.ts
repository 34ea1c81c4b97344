import { hash } from 'node:crypto';
import { parseColumnType } from './column-type.ts';
import { checkSchema } from './check-schema.ts';
import type { Column, ColumnType, Contract, JsonSchema } from './contract.ts';
import { RejectedError } from './errors.ts';
import { toSchemaNode } from './schema-node.ts';

const VERSION_HEX_DIGITS = 12;

/** A schema cannot be a contract; `problems` lists every reason, each beginning with the place in the schema. */
export class ContractError extends RejectedError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('BAD_CONTRACT', `the schema cannot be a contract: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/** JSON text with the keys of every object in order, so that equal documents have equal texts. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Formats that have a column type of their own; other strings stay text. */
const STRING_COLUMNS: Readonly<Record<string, 'timestamp' | 'date' | 'uuid'>> = {
  'date-time': 'timestamp',
  date: 'date',
  uuid: 'uuid',
};

/** @param refs references that were followed on the way here; one that comes back is recursive and stays JSON */
function toColumnType(schema: unknown, root: JsonSchema, refs: readonly string[]): ColumnType {
  const node = toSchemaNode(schema, root);
  if (node.refs.some((ref) => refs.includes(ref))) return { kind: 'json' };
  const below = [...refs, ...node.refs];
  const declared = node.columnType === undefined ? undefined : parseColumnType(node.columnType);
  if (declared !== undefined) return declared;
  const [type, second] = node.types ?? [];
  if (type === undefined || second !== undefined) return { kind: 'json' };
  switch (type) {
    case 'string':
      return { kind: STRING_COLUMNS[node.format ?? ''] ?? 'string' };
    case 'integer':
      return { kind: 'int64' };
    case 'number':
      return { kind: 'double' };
    case 'boolean':
      return { kind: 'boolean' };
    case 'object':
      return node.properties.size === 0
        ? { kind: 'json' }
        : { kind: 'struct', fields: toColumns(node.properties, root, below) };
    case 'array':
      return node.items === undefined || typeof node.items === 'boolean'
        ? { kind: 'json' }
        : { kind: 'list', element: toColumnType(node.items, root, below) };
    case 'null':
      return { kind: 'json' };
  }
}

function toColumns(
  properties: ReadonlyMap<string, unknown>,
  root: JsonSchema,
  refs: readonly string[],
): readonly Column[] {
  return [...properties].map(([name, schema]) => ({ name, type: toColumnType(schema, root, refs) }));
}

/**
 * Makes a contract of a JSON Schema (2020-12): its version and the columns of the lake.
 *
 * @throws ContractError with every reason why the schema cannot be one
 */
export function toContract(schema: JsonSchema): Contract {
  const problems = checkSchema(schema);
  if (problems.length > 0) throw new ContractError(problems);
  return {
    version: hash('sha256', canonicalJson(schema)).slice(0, VERSION_HEX_DIGITS),
    schema,
    columns: toColumns(toSchemaNode(schema, schema).properties, schema, ['#']),
  };
}
