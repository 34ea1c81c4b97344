import type { Column, ColumnType, Contract } from './contract.ts';

/** Fields by name, built once per contract (columns never change after it is made). */
const fieldsByColumns = new WeakMap<readonly Column[], ReadonlyMap<string, ColumnType>>();

function fieldsOf(columns: readonly Column[]): ReadonlyMap<string, ColumnType> {
  let fields = fieldsByColumns.get(columns);
  if (fields === undefined) {
    fields = new Map(columns.map((column) => [column.name, column.type]));
    fieldsByColumns.set(columns, fields);
  }
  return fields;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function extraOfObject(columns: readonly Column[], value: JsonObject): JsonObject | undefined {
  const fields = fieldsOf(columns);
  const extra: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const type = fields.get(name);
    const part = type === undefined ? field : extraOfValue(type, field);
    if (part !== undefined) extra.push([name, part]);
  }
  return extra.length === 0 ? undefined : Object.fromEntries(extra);
}

function extraOfValue(type: ColumnType, value: unknown): unknown {
  if (type.kind === 'struct') return isObject(value) ? extraOfObject(type.fields, value) : undefined;
  if (type.kind !== 'list' || !Array.isArray(value)) return undefined;
  const { element } = type;
  const extra = value
    .map((item: unknown, index) => [String(index), extraOfValue(element, item)] as const)
    .filter(([, part]) => part !== undefined);
  return extra.length === 0 ? undefined : Object.fromEntries(extra);
}

/**
 * The parts of a record that its contract does not name, for the `_extra` column: an object with the record's own
 * nesting that holds only unknown fields. Elements of a list are found under their index:
 * `{"items": [{"sku": "a"}, {"sku": "b", "color": "red"}]}` gives `{"items": {"1": {"color": "red"}}}`.
 *
 * @param value a record that meets the contract
 * @returns undefined when every field is named by the contract
 */
export function extraOf(contract: Contract, value: JsonObject): JsonObject | undefined {
  return extraOfObject(contract.columns, value);
}
