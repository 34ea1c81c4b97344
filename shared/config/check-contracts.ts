import { checkSchema } from '../domain/check-schema.ts';
import type { JsonSchema } from '../domain/contract.ts';
import { toSchemaNode, type SchemaNode, type SchemaType } from '../domain/schema-node.ts';
import { toContract } from '../domain/to-contract.ts';
import { schemaProblems } from './compile-validators.ts';
import { cursorKind } from './cursor-kind.ts';
import { laneOf } from './lane-of.ts';
import type { HeadgateConfig, ReceivedSourceConfig, SourceConfig } from './schema.ts';

/** The schema at a field, or what is wrong with the path. */
function fieldAt(schema: JsonSchema, path: string): SchemaNode | string {
  let node = toSchemaNode(schema, schema);
  for (const name of path.split('.')) {
    if (!node.properties.has(name)) {
      return `the schema has no field "${path}"; it has ${[...node.properties.keys()].join(', ') || 'no fields'} where "${name}" should be`;
    }
    node = toSchemaNode(node.properties.get(name), schema);
  }
  return node;
}

function checkField(schema: JsonSchema, path: string, allowed: readonly SchemaType[]): string | undefined {
  const node = fieldAt(schema, path);
  if (typeof node === 'string') return node;
  if (node.types !== undefined && node.types.every((type) => allowed.includes(type))) return undefined;
  return `"${path}" must have a type in the schema, one of ${allowed.join(', ')}; it has ${node.types?.join(', ') ?? 'none'}`;
}

const SCALARS: readonly SchemaType[] = ['string', 'integer', 'number', 'boolean'];

function checkSource(source: SourceConfig): readonly string[] {
  const { schema } = source.contract;
  const unsupported = checkSchema(schema);
  const problems = unsupported.length > 0 ? unsupported : schemaProblems(schema);
  if (problems.length > 0) return problems.map((problem) => `contract.schema.${problem}`);
  const fields: [string, string, readonly SchemaType[]][] = source.key.map((path, i) => [
    `key.${String(i)}`,
    path,
    SCALARS,
  ]);
  if (source.eventTime !== undefined) {
    const allowed: SchemaType[] = source.eventTime.format === 'iso-8601' ? ['string'] : ['integer', 'number'];
    fields.push(['eventTime.path', source.eventTime.path, allowed]);
  }
  if (source.type === 'push' || source.type === 'webhook') {
    for (const [i, path] of (source.orderBy ?? []).entries()) {
      fields.push([`orderBy.${String(i)}`, path, SCALARS]);
    }
  }
  if (source.type === 'http' && source.incremental !== undefined) {
    fields.push(['incremental.cursor', source.incremental.cursor, ['string', 'integer', 'number']]);
  }
  const found = fields.flatMap(([place, path, allowed]) => {
    const problem = checkField(schema, path, allowed);
    return problem === undefined ? [] : [`${place}: ${problem}`];
  });
  if (source.type === 'push' || source.type === 'webhook') found.push(...checkReceived(source));
  if (source.type !== 'http' || found.length > 0) return found;
  const cursor = cursorKind(source, toContract(schema).columns);
  return cursor?.kind === 'unusable' ? [`incremental: ${cursor.problem}`] : [];
}

/** Settings that would have no effect. */
function checkReceived(source: ReceivedSourceConfig): readonly string[] {
  const problems: string[] = [];
  if (laneOf(source) === 'landing') {
    const instead = 'which is said of the stream, but this source is collected in S3 (see pattern)';
    if (source.overflow !== 'refuse') {
      problems.push(`overflow: is "${source.overflow}", ${instead}; remove it, or set pattern: "stream"`);
    }
    if (source.priority !== 'normal') {
      problems.push(`priority: is "${source.priority}", ${instead}; remove it, or set pattern: "stream"`);
    }
  }
  if (source.type === 'webhook' && Object.keys(source.limits.perKey).length > 0) {
    problems.push(
      'limits.perKey: a webhook has one sender; use limits.requestsPerSecond and limits.bytesPerSecond',
    );
  }
  return problems;
}

/**
 * What is wrong with the contracts of a configuration, and with the fields that it names: one sentence per problem,
 * beginning with its path.
 */
export function checkContracts(config: HeadgateConfig): readonly string[] {
  return Object.entries(config.sources).flatMap(([name, source]) =>
    checkSource(source).map((problem) => `sources.${name}.${problem}`),
  );
}
