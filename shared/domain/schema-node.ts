import type { JsonSchema } from './contract.ts';

/** Type names of JSON Schema. */
export type SchemaType = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'null';

/** One place of a schema with its `$ref` and `allOf` followed: what is certain about any value there. */
export interface SchemaNode {
  /** Allowed types without `null`; undefined when the schema does not restrict them. */
  readonly types: readonly SchemaType[] | undefined;
  readonly format: string | undefined;
  /** Word for the lake column's type, where the schema gives one. */
  readonly columnType: string | undefined;
  /** Schemas of the named properties. */
  readonly properties: ReadonlyMap<string, unknown>;
  /** Schema of the array's elements, unless it has special first elements. */
  readonly items: unknown;
  /** The `$ref`s that were followed to get here, to notice recursion. */
  readonly refs: readonly string[];
}

function isSchemaObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The subschema at a local reference such as `#/$defs/address`; undefined when there is none. */
export function followRef(root: JsonSchema, ref: string): unknown {
  if (ref !== '#' && !ref.startsWith('#/')) return undefined;
  let node: unknown = root;
  for (const token of ref.split('/').slice(1)) {
    const name = decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
    node = (node as Readonly<Record<string, unknown>>)[name];
  }
  return node;
}

/**
 * The schemas that all apply at a place: itself, the target of its `$ref`, its `allOf`, and theirs. A reference that
 * leads back to itself is followed once.
 */
function applicable(schema: unknown, root: JsonSchema, refs: string[]): JsonSchema[] {
  if (!isSchemaObject(schema)) return [];
  const all = [schema];
  const { $ref, allOf } = schema;
  if (typeof $ref === 'string' && !refs.includes($ref)) {
    refs.push($ref);
    all.push(...applicable(followRef(root, $ref), root, refs));
  }
  if (Array.isArray(allOf)) all.push(...allOf.flatMap((part: unknown) => applicable(part, root, refs)));
  return all;
}

function typesOf(schema: JsonSchema): SchemaType[] | undefined {
  if (typeof schema.type === 'string') return [schema.type as SchemaType];
  return Array.isArray(schema.type) ? (schema.type as SchemaType[]) : undefined;
}

/** Reads one place of a schema. All of the schemas that apply there are true of a value, so the first type holds. */
export function toSchemaNode(schema: unknown, root: JsonSchema): SchemaNode {
  const refs: string[] = [];
  const all = applicable(schema, root, refs);
  const typed = all.find((part) => part.type !== undefined);
  const properties = new Map<string, unknown>();
  for (const part of all) {
    if (!isSchemaObject(part.properties)) continue;
    for (const [name, property] of Object.entries(part.properties)) {
      if (!properties.has(name)) properties.set(name, property);
    }
  }
  const format = all.find((part) => typeof part.format === 'string')?.format;
  const columnType = all.find((part) => typeof part.columnType === 'string')?.columnType;
  return {
    types: typed === undefined ? undefined : typesOf(typed)?.filter((type) => type !== 'null'),
    format: typeof format === 'string' ? format : undefined,
    columnType: typeof columnType === 'string' ? columnType : undefined,
    properties,
    items: all.some((part) => part.prefixItems !== undefined)
      ? undefined
      : all.find((part) => part.items !== undefined)?.items,
    refs,
  };
}
