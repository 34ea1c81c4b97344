import { COLUMN_TYPE_WORDS, parseColumnType } from './column-type.ts';
import type { JsonSchema } from './contract.ts';
import { FORMATS } from './formats.ts';
import { patternProblem } from './pattern-problem.ts';
import { followRef, toSchemaNode } from './schema-node.ts';

/** Columns that every table of the lake has beside the contract's. */
const LAKE_COLUMNS = [
  '_source',
  '_id',
  '_key',
  '_received_at',
  '_event_time',
  '_schema_version',
  '_op',
  '_extra',
];

/** Longest array in which `uniqueItems` may compare elements that are not scalars, pair by pair. */
const MAX_COMPARED_ITEMS = 100;
const MAX_SCHEMA_DEPTH = 64;

type KeywordKind = 'schema' | 'schemas' | 'schemaMap' | 'value';

/** The keywords of JSON Schema 2020-12 that a contract may use, and what each holds. */
const KEYWORDS: Readonly<Record<string, KeywordKind>> = {
  ...keywords(
    'schema',
    'items additionalProperties propertyNames contains not if then else unevaluatedItems unevaluatedProperties',
  ),
  ...keywords('schemas', 'allOf anyOf oneOf prefixItems'),
  ...keywords('schemaMap', 'properties patternProperties $defs dependentSchemas'),
  ...keywords(
    'value',
    'type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern format ' +
      'maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired ' +
      'columnType $ref $schema $id $comment title description default deprecated readOnly writeOnly examples',
  ),
};

function keywords(kind: KeywordKind, names: string): Record<string, KeywordKind> {
  return Object.fromEntries(names.split(' ').map((name) => [name, kind]));
}

const TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null'];
const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

type Report = (path: string, problem: string) => void;

/** Checks of single keywords; each reports what is wrong with its value. */
const CHECKS: Readonly<
  Record<
    string,
    (value: unknown, schema: JsonSchema, root: JsonSchema, report: (problem: string) => void) => void
  >
> = {
  $schema: (value, _schema, _root, report) => {
    if (value !== DRAFT && value !== `${DRAFT}#`) report(`must be "${DRAFT}"`);
  },
  $id: (_value, schema, root, report) => {
    if (schema !== root) report('is allowed at the root only: a contract is one document');
  },
  $ref: (value, _schema, root, report) => {
    if (typeof value !== 'string' || (value !== '#' && !value.startsWith('#/'))) {
      report('must point into this document, such as "#/$defs/address"; copy other documents into $defs');
    } else if (followRef(root, value) === undefined) {
      report(`points to ${JSON.stringify(value)}, which does not exist in this document`);
    }
  },
  columnType: (value, _schema, _root, report) => {
    if (typeof value !== 'string' || parseColumnType(value) === undefined)
      report(`must be one of ${COLUMN_TYPE_WORDS}`);
  },
  type: (value, _schema, _root, report) => {
    const types: unknown[] = Array.isArray(value) ? value : [value];
    const wrong = types.find((type) => typeof type !== 'string' || !TYPES.includes(type));
    if (wrong !== undefined || types.length === 0) {
      report(`must be one or several of ${TYPES.join(', ')}`);
    }
  },
  format: (value, schema, root, report) => {
    const { types } = toSchemaNode(schema, root);
    const needs = value === 'int64' ? 'integer' : 'string';
    if (typeof value !== 'string' || (value !== 'int64' && !Object.hasOwn(FORMATS, value))) {
      report(
        `must be one of ${[...Object.keys(FORMATS), 'int64'].join(', ')}; use a pattern for anything else`,
      );
    } else if (types?.length !== 1 || types[0] !== needs) {
      report(`"${value}" needs type "${needs}" (or ["${needs}", "null"])`);
    }
  },
  pattern: (value, schema, _root, report) => {
    const { maxLength } = schema;
    const problem =
      typeof value === 'string'
        ? patternProblem(value, typeof maxLength === 'number' ? maxLength : undefined)
        : 'must be text';
    if (problem !== undefined) report(problem);
  },
  uniqueItems: (value, schema, root, report) => {
    if (value !== true) return;
    const items = toSchemaNode(schema.items, root).types;
    const scalar = items?.every((type) => type !== 'object' && type !== 'array') === true;
    if (!scalar && !(typeof schema.maxItems === 'number' && schema.maxItems <= MAX_COMPARED_ITEMS)) {
      report(
        `compares every pair of elements; it needs items of a scalar type, or maxItems of at most ${String(MAX_COMPARED_ITEMS)}`,
      );
    }
  },
  enum: (value, _schema, _root, report) => {
    if (Array.isArray(value) && value.some(isRounded))
      report('has a number beyond 2^53, which has been rounded');
  },
  const: (value, _schema, _root, report) => {
    if (isRounded(value)) report('is a number beyond 2^53, which has been rounded');
  },
  properties: (value, schema, root, report) => {
    if (!isObject(value)) return;
    const seen = new Map<string, string>();
    for (const name of Object.keys(value)) {
      const shown = JSON.stringify(name);
      const folded = name.toLowerCase();
      const other = seen.get(folded);
      if (name === '') report('has a property without a name');
      // eslint-disable-next-line no-control-regex -- control characters are what is looked for
      if (/[\u0000-\u001f\u007f]/.test(name))
        report(`has the name ${shown}, which contains a control character`);
      if (name === '__proto__') report('has the name "__proto__", which records may not use');
      if (other !== undefined) {
        report(
          `has ${JSON.stringify(other)} and ${shown}, which differ only by case; Athena and DuckDB cannot tell them apart`,
        );
      }
      if (schema === root && LAKE_COLUMNS.includes(folded)) {
        report(
          `has the name ${shown}, which is a column of every table of the lake (${LAKE_COLUMNS.join(', ')})`,
        );
      }
      seen.set(folded, name);
    }
  },
  patternProperties: (value, _schema, _root, report) => {
    if (!isObject(value)) return;
    for (const pattern of Object.keys(value)) {
      const problem = patternProblem(pattern, undefined);
      if (problem !== undefined) report(`${JSON.stringify(pattern)}: ${problem}`);
    }
  },
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRounded(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
}

function at(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function walkSchema(schema: unknown, root: JsonSchema, path: string, depth: number, report: Report): void {
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) {
    report(path, 'must be a schema: an object, true or false');
    return;
  }
  if (depth > MAX_SCHEMA_DEPTH) {
    report(path, `is nested deeper than ${String(MAX_SCHEMA_DEPTH)} levels`);
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) {
    const place = at(path, keyword);
    const kind = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (kind === undefined) {
      report(place, `is not a keyword that a contract may use (${Object.keys(KEYWORDS).join(', ')})`);
      continue;
    }
    CHECKS[keyword]?.(value, schema, root, (problem) => {
      report(place, problem);
    });
    const below: [string, unknown][] =
      kind === 'schema'
        ? [['', value]]
        : kind === 'schemas' && Array.isArray(value)
          ? value.map((part: unknown, index) => [String(index), part])
          : kind === 'schemaMap' && isObject(value)
            ? Object.entries(value)
            : [];
    if (kind !== 'value' && kind !== 'schema' && below.length === 0 && !isObject(value)) {
      report(
        place,
        kind === 'schemas' ? 'must be an array of schemas, not empty' : 'must be an object of schemas',
      );
    }
    for (const [name, part] of below)
      walkSchema(part, root, name === '' ? place : at(place, name), depth + 1, report);
  }
}

/**
 * Why a schema cannot be a contract: constructs that Headgate does not support, that are dangerous on data from
 * outside, or that have no columns. Whether the document is a well-formed JSON Schema in every other respect is
 * checked where it is compiled.
 *
 * @returns one sentence per problem, beginning with the place in the schema; empty when there is none
 */
export function checkSchema(schema: JsonSchema): readonly string[] {
  const problems: string[] = [];
  walkSchema(schema, schema, '', 0, (path, problem) => problems.push(`${path}: ${problem}`));
  if (problems.length > 0) return problems;
  const root = toSchemaNode(schema, schema);
  if (root.types?.length !== 1 || root.types[0] !== 'object' || Array.isArray(schema.type)) {
    return ['type: must be "object": a record is a JSON object'];
  }
  return root.properties.size === 0 ? ['properties: must name at least one field of the record'] : [];
}
