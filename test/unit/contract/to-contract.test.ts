import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../../shared/config/define-config.ts';
import { ContractError, toContract } from '../../../shared/domain/to-contract.ts';
import type { ColumnType } from '../../../shared/domain/contract.ts';

function columnOf(schema: unknown, $defs: unknown = {}): ColumnType | undefined {
  return toContract({ type: 'object', $defs, properties: { x: schema } }).columns[0]?.type;
}

describe('columns', () => {
  test.each([
    [{ type: 'string' }, 'string'],
    [{ type: 'string', format: 'date-time' }, 'timestamp'],
    [{ type: 'string', format: 'date' }, 'date'],
    [{ type: 'string', format: 'uuid' }, 'uuid'],
    [{ type: 'integer' }, 'int64'],
    [{ type: 'integer', format: 'int64' }, 'int64'],
    [{ type: 'number' }, 'double'],
    [{ type: 'boolean' }, 'boolean'],
    [{ type: ['string', 'null'] }, 'string'],
    [{ type: ['null', 'integer'] }, 'int64'],
    [{ type: ['string', 'integer'] }, 'json'],
    [{ type: 'null' }, 'json'],
    [{}, 'json'],
    [true, 'json'],
    [{ enum: ['a', 'b'] }, 'json'],
    [{ type: 'object' }, 'json'],
    [{ type: 'object', additionalProperties: { type: 'string' } }, 'json'],
    [{ type: 'array' }, 'json'],
    [{ type: 'array', items: true }, 'json'],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'string' } }, 'json'],
    [{ anyOf: [{ type: 'string' }, { type: 'integer' }] }, 'json'],
  ] as const)('%j is %s', (schema, kind) => {
    expect(columnOf(schema)).toEqual({ kind });
  });

  test('objects are structs and arrays are lists, at any depth', () => {
    const schema = {
      type: 'array',
      items: { type: 'object', properties: { a: { type: 'array', items: { type: 'number' } } } },
    };
    expect(columnOf(schema)).toEqual({
      kind: 'list',
      element: {
        kind: 'struct',
        fields: [{ name: 'a', type: { kind: 'list', element: { kind: 'double' } } }],
      },
    });
  });

  test('references are followed, and one that comes back to itself is json', () => {
    const $defs = {
      money: { type: 'integer' },
      tree: {
        type: 'object',
        properties: { value: { $ref: '#/$defs/money' }, next: { $ref: '#/$defs/tree' } },
      },
    };
    expect(columnOf({ $ref: '#/$defs/tree' }, $defs)).toEqual({
      kind: 'struct',
      fields: [
        { name: 'value', type: { kind: 'int64' } },
        { name: 'next', type: { kind: 'json' } },
      ],
    });
    expect(columnOf({ $ref: '#' })).toEqual({ kind: 'json' });
    expect(columnOf({ allOf: [{ $ref: '#/$defs/money' }] }, $defs)).toEqual({ kind: 'int64' });
  });
});

describe('versions', () => {
  test('the order of keys changes nothing, any other change does', () => {
    const version = (schema: Record<string, unknown>): string => toContract(schema).version;
    const a = version({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } });
    const b = version({ properties: { b: { type: 'string' }, a: { type: 'string' } }, type: 'object' });
    expect(a).toBe(b);
    expect(a).toMatch(/^[\da-f]{12}$/);
    expect(
      version({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } } }),
    ).not.toBe(a);
  });
});

describe('schemas that cannot be a contract', () => {
  const props = (properties: Record<string, unknown>): Record<string, unknown> => ({
    type: 'object',
    properties,
  });
  test.each([
    ['a root that is no object', { type: 'array', items: {} }, 'type: must be "object"'],
    ['a root without a type', { properties: { a: {} } }, 'type: must be "object"'],
    ['a root that may be null', { ...props({ a: {} }), type: ['object', 'null'] }, 'type: must be "object"'],
    ['a root without fields', { type: 'object' }, 'properties: must name at least one field'],
    [
      'a reference to another document',
      props({ a: { $ref: 'https://x.test/a' } }),
      'properties.a.$ref: must point into',
    ],
    [
      'a reference to nothing',
      props({ a: { $ref: '#/$defs/a' } }),
      'properties.a.$ref: points to "#/$defs/a"',
    ],
    [
      'an inherited name as reference',
      props({ a: { $ref: '#/constructor' } }),
      'properties.a.$ref: points to',
    ],
    [
      'an unknown keyword',
      props({ a: { type: 'string', maxlength: 5 } }),
      'properties.a.maxlength: is not a keyword',
    ],
    [
      'an inherited name as keyword',
      props({ a: { toString: 5 } }),
      'properties.a.toString: is not a keyword',
    ],
    [
      'a dynamic reference',
      props({ a: { $dynamicRef: '#a' } }),
      'properties.a.$dynamicRef: is not a keyword',
    ],
    [
      'an unknown type',
      props({ a: { type: 'text' } }),
      'properties.a.type: must be one or several of string, integer',
    ],
    [
      'an unknown format',
      props({ a: { type: 'string', format: 'email' } }),
      'properties.a.format: must be one of',
    ],
    ['int64 of a string', props({ a: { type: 'string', format: 'int64' } }), '"int64" needs type "integer"'],
    ['a date without a type', props({ a: { format: 'date' } }), '"date" needs type "string"'],
    [
      'another draft',
      { ...props({ a: {} }), $schema: 'http://json-schema.org/draft-07/schema#' },
      '$schema: must be',
    ],
    [
      'an id inside',
      props({ a: { $id: 'x', type: 'string' } }),
      'properties.a.$id: is allowed at the root only',
    ],
    [
      'a lake column',
      props({ _Extra: {} }),
      'properties: has the name "_Extra", which is a column of every table',
    ],
    ['names that differ by case', props({ ID: {}, id: {} }), 'has "ID" and "id", which differ only by case'],
    [
      'nested names that differ by case',
      props({ a: props({ Ä: {}, ä: {} }) }),
      'properties.a.properties: has "Ä" and "ä", which differ only by case',
    ],
    ['an empty name', props({ '': {} }), 'has a property without a name'],
    ['a control character', props({ 'a\nb': {} }), 'contains a control character'],
    ['__proto__', JSON.parse('{"type":"object","properties":{"__proto__":{}}}'), 'has the name "__proto__"'],
    [
      'a slow pattern',
      props({ a: { type: 'string', pattern: '^(a+)+$' } }),
      'properties.a.pattern: "^(a+)+$" could take',
    ],
    ['unique objects', props({ a: { type: 'array', uniqueItems: true } }), 'compares every pair of elements'],
    ['a rounded constant', props({ a: { const: 2 ** 53 } }), 'properties.a.const: is a number beyond 2^53'],
    [
      'a rounded choice',
      props({ a: { enum: [1, -(2 ** 60)] } }),
      'properties.a.enum: has a number beyond 2^53',
    ],
    ['a property that is no schema', props({ a: 5 }), 'properties.a: must be a schema'],
    [
      'properties that are a list',
      { type: 'object', properties: [] },
      'properties: must be an object of schemas',
    ],
    [
      'an empty choice of schemas',
      props({ a: { anyOf: [] } }),
      'properties.a.anyOf: must be an array of schemas',
    ],
  ] as [string, Record<string, unknown>, string][])('%s', (_name, schema, problem) => {
    let problems: readonly string[] = [];
    try {
      toContract(schema);
    } catch (error) {
      problems = error instanceof ContractError ? error.problems : [];
    }
    expect(problems.join('\n')).toContain(problem);
  });

  test('nested fields may be called like lake columns, and unique scalars are fine', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { type: 'object', properties: { _id: { type: 'string' } } },
        b: { type: 'array', items: { type: 'string' }, uniqueItems: true },
        c: { type: 'array', items: {}, uniqueItems: true, maxItems: 100 },
      },
    };
    expect(toContract(schema).columns).toHaveLength(3);
  });

  test('a schema nested too deep is refused and does not exhaust the stack', () => {
    let schema: Record<string, unknown> = { type: 'string' };
    for (let i = 0; i < 5000; i++) schema = { type: 'object', properties: { a: schema } };
    expect(() => toContract(schema)).toThrow('is nested deeper than 64 levels');
  });
});

describe('configurations with wrong contracts are refused', () => {
  const source = (more: Record<string, unknown>, schema: Record<string, unknown> = {}): unknown => ({
    sources: {
      orders: {
        type: 'push',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        key: ['id'],
        contract: {
          schema: {
            type: 'object',
            properties: {
              id: { type: 'string' },
              at: { type: 'string' },
              n: { type: ['integer', 'null'] },
              o: { type: 'object', properties: { k: { type: 'string' } } },
              open: {},
            },
            ...schema,
          },
        },
        ...more,
      },
    },
  });
  const problemsOf = (input: unknown): string => {
    try {
      parseConfig(input);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.join('\n');
      throw error;
    }
    return '';
  };

  test.each([
    [{ key: ['nope'] }, 'sources.orders.key.0: the schema has no field "nope"; it has id, at, n, o, open'],
    [
      { key: ['id', 'o.x'] },
      'sources.orders.key.1: the schema has no field "o.x"; it has k where "x" should be',
    ],
    [{ key: ['o'] }, 'sources.orders.key.0: "o" must have a type in the schema, one of string'],
    [{ key: ['open'] }, 'sources.orders.key.0: "open" must have a type in the schema'],
    [
      { eventTime: { path: 'n' } },
      'sources.orders.eventTime.path: "n" must have a type in the schema, one of string',
    ],
    [
      { eventTime: { path: 'at', format: 'epoch-seconds' } },
      'sources.orders.eventTime.path: "at" must have a type in the schema, one of integer, number',
    ],
    [
      {
        type: 'http',
        url: 'https://x.test',
        incremental: { cursor: 'o', parameter: 'since', initialValue: '0' },
      },
      'sources.orders.incremental.cursor: "o" must have a type',
    ],
  ])('%j', (more, problem) => {
    expect(problemsOf(source(more))).toContain(problem);
  });

  test.each([
    [{ required: 'id' }, 'sources.orders.contract.schema.required: must be array'],
    [{ minProperties: -1 }, 'sources.orders.contract.schema.minProperties: must be >= 0'],
    [
      { properties: { id: { type: 'string', pattern: '(' } } },
      'sources.orders.contract.schema.properties.id.pattern',
    ],
    [{ oops: 1 }, 'sources.orders.contract.schema.oops: is not a keyword'],
  ])('the schema with %j', (schema, problem) => {
    expect(problemsOf(source({}, schema))).toContain(problem);
  });

  test('key fields may be nested and nullable', () => {
    expect(
      problemsOf(source({ key: ['o.k', 'n'], eventTime: { path: 'n', format: 'epoch-milliseconds' } })),
    ).toBe('');
  });

  test('two sources may have schemas with the same $id', () => {
    const one = { $id: 'https://x.test/s', type: 'object', properties: { id: { type: 'string' } } };
    const two = { ...one, properties: { id: { type: 'integer' } } };
    const common = { type: 'push', freshness: '1 minute', volume: { gbPerDay: 1 }, key: ['id'] };
    const sources = {
      a: { ...common, contract: { schema: one } },
      b: { ...common, contract: { schema: two } },
    };
    expect(problemsOf({ sources })).toBe('');
  });
});
