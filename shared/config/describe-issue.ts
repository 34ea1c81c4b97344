import * as z from 'zod';
import { configSchema } from './schema.ts';

/** The parts of a JSON Schema node that tell which fields an object may have. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly const?: unknown;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The variant that a value says it is by its `type`, or the node itself. */
function variantOf(node: SchemaNode, value: unknown): SchemaNode {
  const type = isObject(value) ? value['type'] : undefined;
  return node.oneOf?.find(({ properties }) => properties?.['type']?.const === type) ?? node;
}

/** Names of the fields that the object at a path may have. */
function allowedFields(input: unknown, path: readonly PropertyKey[]): readonly string[] {
  let node = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  let value = input;
  for (const part of path) {
    const name = String(part);
    const { properties, additionalProperties } = variantOf(node, value);
    const below = properties?.[name] ?? (isObject(additionalProperties) ? additionalProperties : {});
    value = isObject(value) ? value[name] : undefined;
    node = below;
  }
  const found = variantOf(node, value);
  return [found, ...(found.anyOf ?? [])].flatMap(({ properties }) => Object.keys(properties ?? {}));
}

/**
 * What is wrong with a configuration, for people: the path, the problem and what is allowed.
 *
 * @param input what was validated
 */
export function describeIssue(issue: z.core.$ZodIssue, input: unknown): string {
  const path = issue.path.map(String).join('.') || '(root)';
  if (issue.code === 'invalid_key') {
    return `${path}: ${issue.issues.map(({ message }) => message).join('; ')}`;
  }
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    const plural = issue.keys.length === 1 ? 'is no field' : 'are no fields';
    return `${path}: ${unknown} ${plural} of it; there are: ${allowedFields(input, issue.path).join(', ')}`;
  }
  if (issue.code === 'invalid_type' && isMissing(input, issue.path)) {
    return `${path}: is required: ${issue.expected}`;
  }
  return `${path}: ${issue.message}`;
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  let value = input;
  for (const part of path) {
    if (Array.isArray(value)) value = (value as unknown[])[Number(part)];
    else value = isObject(value) ? value[String(part)] : undefined;
  }
  return value === undefined;
}
