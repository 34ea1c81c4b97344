import type { Contract, JsonSchema } from './contract.ts';
import { toSchemaNode } from './schema-node.ts';

/** A contract as the walk over a record needs it: which fields are named, and what its integers may be. */
export interface Shape {
  /** Of a struct: the named fields. Where it is undefined, any field is fine. */
  readonly fields: ReadonlyMap<string, Shape> | undefined;
  /** Of a list. */
  readonly element: Shape | undefined;
  /** `int64`: integers of 64 bits. `integer`: integers that a double holds. */
  readonly number: 'int64' | 'integer' | 'other';
}

/** The shape of what the schema leaves open. */
export const OPEN_SHAPE: Shape = { fields: undefined, element: undefined, number: 'other' };

function shapeOf(schema: unknown, root: JsonSchema, refs: readonly string[]): Shape {
  const node = toSchemaNode(schema, root);
  if (node.types?.length !== 1 || node.refs.some((ref) => refs.includes(ref))) return OPEN_SHAPE;
  const below = [...refs, ...node.refs];
  const [type] = node.types;
  if (type === 'object' && node.properties.size > 0) {
    return { ...OPEN_SHAPE, fields: fieldsOf(node.properties, root, below) };
  }
  if (type === 'array' && node.items !== undefined) {
    return { ...OPEN_SHAPE, element: shapeOf(node.items, root, below) };
  }
  if (type === 'integer') return { ...OPEN_SHAPE, number: node.format === 'int64' ? 'int64' : 'integer' };
  return OPEN_SHAPE;
}

function fieldsOf(
  properties: ReadonlyMap<string, unknown>,
  root: JsonSchema,
  refs: readonly string[],
): ReadonlyMap<string, Shape> {
  return new Map([...properties].map(([name, schema]) => [name, shapeOf(schema, root, refs)]));
}

/** The shape of a contract's records; its structs and lists are the contract's columns. */
export function toShape(contract: Contract): Shape {
  const { schema } = contract;
  return { ...OPEN_SHAPE, fields: fieldsOf(toSchemaNode(schema, schema).properties, schema, ['#']) };
}
