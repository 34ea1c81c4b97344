import type { JsonSchema } from '../shared/domain/contract.ts';

/** Stands for any text. */
const TEXT = 'example';

const FORMATS: Readonly<Record<string, (now: Date) => string>> = {
  'date-time': (now) => now.toISOString(),
  date: (now) => now.toISOString().slice(0, 10),
  uuid: () => '018f3c5e-7a1b-7c3d-9e4f-0123456789ab',
};

/**
 * A small record that has what a schema requires, or all of its fields where it requires none. It is a proposal; a
 * schema can ask for what cannot be made up (a `pattern`), so check the result before showing it.
 *
 * @param now for fields that hold a time; a required integer that is named like a time counts milliseconds
 */
export function sampleRecord(schema: JsonSchema, now: Date): unknown {
  return sample(schema, '', now);
}

function sample(schema: JsonSchema, name: string, now: Date): unknown {
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  const types = [schema['type']].flat();
  const type = types.find((each) => each !== 'null') ?? 'object';
  switch (type) {
    case 'object':
      return sampleObject(schema, now);
    case 'array': {
      const items = schema['items'];
      const length = Math.max(1, Number(schema['minItems'] ?? 1));
      return isSchema(items) ? Array.from({ length }, () => sample(items, name, now)) : [];
    }
    case 'string':
      return FORMATS[String(schema['format'])]?.(now) ?? TEXT;
    case 'integer':
      return /time|date|updated|created/i.test(name)
        ? now.getTime()
        : Math.max(1, Number(schema['minimum'] ?? 1));
    case 'number':
      return Math.max(1.5, Number(schema['minimum'] ?? 1.5));
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function sampleObject(schema: JsonSchema, now: Date): Record<string, unknown> {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : Object.keys(properties);
  const record: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (required.includes(name) && isSchema(property)) record[name] = sample(property, name, now);
  }
  return record;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
