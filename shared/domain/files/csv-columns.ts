import type { JsonSchema } from '../contract.ts';
import { toSchemaNode, type SchemaType } from '../schema-node.ts';

/** How the texts of a CSV column become JSON. */
export interface CsvColumn {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  /** Types that the contract allows; undefined: it does not say, the text stays a string. */
  readonly types: readonly SchemaType[] | undefined;
  /** What stands for a text that is null: nothing, where the field may be missing. */
  readonly nullText: 'absent' | 'null' | 'empty';
}

function isNullable(schema: unknown): boolean {
  return (
    typeof schema === 'object' &&
    schema !== null &&
    'type' in schema &&
    Array.isArray(schema.type) &&
    schema.type.includes('null')
  );
}

const requiredOf = (schema: JsonSchema): readonly string[] =>
  Array.isArray(schema.required) ? schema.required.filter((name) => typeof name === 'string') : [];

/** The columns of these names, as a contract's schema has them. */
export function toCsvColumns(names: readonly string[], schema: JsonSchema): readonly CsvColumn[] {
  const { properties } = toSchemaNode(schema, schema);
  const required = new Set(requiredOf(schema));
  return names.map((name) => {
    const property = properties.get(name);
    const { types, format, columnType } = toSchemaNode(property, schema);
    const isPlainText =
      types?.length === 1 && types[0] === 'string' && format === undefined && columnType === undefined;
    const isRequired = required.has(name);
    const isEmptyText = isRequired && isPlainText && !isNullable(property);
    return {
      name,
      label: `${JSON.stringify(name)}:`,
      types: properties.has(name) ? types : undefined,
      nullText: isEmptyText ? 'empty' : isRequired ? 'null' : 'absent',
    };
  });
}

/**
 * What is wrong with a header; undefined if nothing is.
 *
 * @param needed columns that every record must have, whatever the schema says: parts of the key, the event time
 */
export function headerProblem(
  names: readonly string[],
  schema: JsonSchema,
  needed: readonly string[],
): string | undefined {
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) return `its header names the column ${JSON.stringify(twice)} twice`;
  const missing = [...new Set([...requiredOf(schema), ...needed])].filter((name) => !names.includes(name));
  if (missing.length === 0) return undefined;
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 60)));
  return (
    `its header lacks ${missing.map((name) => JSON.stringify(name)).join(', ')}, which the contract requires; it has ` +
    `${shown.join(', ')}${names.length > 20 ? ', …' : ''} (is format.delimiter right? is there a header?)`
  );
}

/** A number as JSON writes it. */
export const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Characters that JSON writes in another way: quotes, backslashes, control characters, and halves of pairs. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u;

export const jsonText = (text: string): string => (ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`);

/** The JSON of a text: of a type that the contract allows if it can be read as one, otherwise a string. */
export function csvValue(text: string, types: readonly SchemaType[] | undefined): string {
  if (types === undefined) return jsonText(text);
  for (const type of types) {
    if (type === 'integer' || type === 'number') {
      if (JSON_NUMBER.test(text)) return text;
    } else if (type === 'boolean') {
      const word = text.toLowerCase();
      if (word === 'true' || word === 'false') return word;
    } else if ((type === 'object' || type === 'array') && isJson(text, type)) return text;
  }
  return jsonText(text);
}

function isJson(text: string, type: 'object' | 'array'): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && Array.isArray(value) === (type === 'array');
  } catch {
    return false;
  }
}
