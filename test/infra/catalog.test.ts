import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import { planSourceTable } from '../../infra/catalog/plan-table.ts';
import { toGlueType } from '../../infra/catalog/to-glue-type.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import { declareTable } from '../support/declare-table.ts';
import { everything, orders } from './configs.ts';
import { createApp, resourcesOf, synth } from './synth.ts';

interface TableInput {
  readonly Name: string;
  readonly PartitionKeys: readonly { readonly Name: string }[];
  readonly Parameters: Readonly<Record<string, string>>;
  readonly StorageDescriptor: {
    readonly Columns: readonly { readonly Name: string; readonly Type: string }[];
    readonly Location: unknown;
  };
}

const templates = synth(everything);
const tables = resourcesOf(templates, 'AWS::Glue::Table').map(({ Properties }) => ({
  database: JSON.stringify(Properties['DatabaseName']),
  ...(Properties['TableInput'] as TableInput),
}));

function table(database: 'Raw' | 'Quarantine', name: string): TableInput {
  const found = tables.find((candidate) => candidate.database.includes(database) && candidate.Name === name);
  if (found === undefined) throw new Error(`no table ${name} in ${database}`);
  return found;
}

describe('the catalog', () => {
  test('has a table of landed and one of quarantined records for every source, and for records of no source', () => {
    const names = (database: string): string[] =>
      tables
        .filter((candidate) => candidate.database.includes(database))
        .map(({ Name }) => Name)
        .sort();
    const sources = Object.keys(everything.sources);
    expect(names('Raw')).toEqual([...sources].sort());
    expect(names('Quarantine')).toEqual([...sources, 'unknown'].sort());
  });

  test("a table's columns are those of the contract and those of the lake", () => {
    expect(table('Raw', 'orders').StorageDescriptor.Columns).toEqual([
      { Name: 'id', Type: 'string' },
      { Name: 'at', Type: 'timestamp' },
      { Name: 'amount', Type: 'double' },
      { Name: 'count', Type: 'bigint' },
      { Name: 'tags', Type: 'array<string>' },
      { Name: '_source', Type: 'string' },
      { Name: '_id', Type: 'string' },
      { Name: '_key', Type: 'string' },
      { Name: '_received_at', Type: 'timestamp' },
      { Name: '_event_time', Type: 'timestamp' },
      { Name: '_schema_version', Type: 'string' },
      { Name: '_extra', Type: 'string' },
    ]);
  });

  test('a table of a database says what became of a row', () => {
    const { config, contract } = declareTable({ id: 'bigint' });
    const { columns } = planSourceTable('orders', config, contract);
    expect(columns.slice(-2)).toEqual([
      { name: '_extra', type: 'string' },
      { name: '_op', type: 'string' },
    ]);
  });

  test('a table stands where the functions write', () => {
    expect(JSON.stringify(table('Raw', 'orders').StorageDescriptor.Location)).toMatch(
      /Lake.*\/raw\/orders\/"/,
    );
    expect(JSON.stringify(table('Quarantine', 'orders').StorageDescriptor.Location)).toMatch(
      /Lake.*\/quarantine\/orders\/"/,
    );
  });

  test('partitions follow the configuration and need no crawler', () => {
    expect(table('Raw', 'orders').PartitionKeys.map(({ Name }) => Name)).toEqual(['dt', 'hour']);
    expect(table('Raw', 'orders').Parameters).toMatchObject({
      'projection.enabled': 'true',
      'projection.dt.type': 'date',
      'projection.dt.format': 'yyyy-MM-dd',
      'projection.hour.type': 'integer',
      'projection.hour.digits': '2',
    });
    expect(table('Raw', 'clicks').PartitionKeys.map(({ Name }) => Name)).toEqual(['dt']);
    expect(table('Raw', 'clicks').Parameters).not.toHaveProperty('projection.hour.type');
    expect(table('Quarantine', 'orders').PartitionKeys.map(({ Name }) => Name)).toEqual(['reason', 'dt']);
  });

  test('every partition key has a projection rule: Athena refuses the table otherwise', () => {
    for (const { PartitionKeys, Parameters } of tables) {
      for (const { Name } of PartitionKeys) expect(Parameters).toHaveProperty([`projection.${Name}.type`]);
    }
  });
});

describe('the catalog type of a column', () => {
  const typeOf = (schema: object): string | undefined => {
    const [column] = toContract({ type: 'object', properties: { it: schema } }).columns;
    return column === undefined ? undefined : toGlueType(column.type);
  };

  test.each([
    [{ type: 'string' }, 'string'],
    [{ type: 'string', format: 'date-time' }, 'timestamp'],
    [{ type: 'string', format: 'date' }, 'date'],
    [{ type: 'string', format: 'uuid' }, 'string'],
    [{ type: 'integer' }, 'bigint'],
    [{ type: 'number' }, 'double'],
    [{ type: 'boolean' }, 'boolean'],
    [{}, 'string'],
    [
      {
        type: 'object',
        properties: {
          Big: { type: 'integer' },
          list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
        },
      },
      'struct<big:bigint,list:array<struct<a:string>>>',
    ],
    [{ type: 'object', properties: { 'user id': { type: 'string' } } }, undefined],
    [{ type: 'array', items: { type: 'object', properties: { '@type': { type: 'string' } } } }, undefined],
  ])('%j is %s', (schema, type) => {
    expect(typeOf(schema)).toBe(type);
  });

  test('a column that it cannot express is left out, and said so', () => {
    const schema = {
      type: 'object',
      properties: {
        ...orders.contract.schema.properties,
        odd: { type: 'object', properties: { 'a-b': { type: 'string' } } },
      },
    };
    const app = createApp({ sources: { orders: { ...orders, contract: { schema } } } });
    Annotations.fromStack(Stack.of(app.node.findChild('headgate-storage'))).hasWarning(
      '*',
      Match.stringLikeRegexp('sources.orders.contract.schema: Athena cannot express odd'),
    );
  });
});
