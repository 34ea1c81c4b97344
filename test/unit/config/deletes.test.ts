import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { deletesNote } from '../../../shared/config/deletes-note.ts';
import type { PulledSourceConfig } from '../../../shared/config/schema.ts';

const common = { freshness: '10 minutes', volume: { gbPerDay: 1 } };
const table = {
  ...common,
  type: 'postgres' as const,
  key: ['id'],
  connection: { host: 'h', database: 'd', user: 'u', auth: 'iam' as const },
  table: 't',
  columns: { id: 'bigint', at: 'timestamp', tags: 'text[]', done: 'boolean' },
};
const contract = { schema: { type: 'object', properties: { id: { type: 'string' } } } };
const api = { ...common, type: 'http' as const, key: ['id'], url: 'https://api.example.com/x', contract };
const files = {
  ...common,
  type: 'files' as const,
  location: 's3://bucket/x/',
  format: { type: 'ndjson' as const },
  contract,
};

const byCursor = { ...table, incremental: { cursor: 'at' } };
const all = 'upserts-and-deletes' as const;
const reconciled = { ...byCursor, changes: all, deletes: { reconcile: {} } };
const parse = (source: object) => parseConfig({ sources: { a: source as never } }).sources['a'];

describe('a source that has deletes', () => {
  test.each([
    [
      'by cursor',
      { ...byCursor, changes: all },
      /changes: is "upserts-and-deletes", and reading by cursor does not see deletes: set `deletes/,
    ],
    [
      'with a look-back',
      { ...byCursor, incremental: { cursor: 'at', lookback: '1 hour' }, changes: all },
      /reading by cursor does not see deletes/,
    ],
    [
      'from an API',
      { ...api, changes: all },
      /changes: is "upserts-and-deletes", and nothing tells Headgate that a record was deleted: an API/,
    ],
    ['from files', { ...files, changes: all }, /nothing tells Headgate that a record was deleted: an object/],
    [
      'that are not to be there',
      { ...byCursor, changes: 'upserts', deletes: { reconcile: {} } },
      /changes: is "upserts"; it must be "upserts-and-deletes"/,
    ],
    [
      'as a whole, with keys',
      { ...table, changes: all, deletes: { reconcile: {} } },
      /deletes: has no effect without `incremental`: every run reads the whole table/,
    ],
    [
      'as a log, with keys',
      { ...table, changes: all, changeLog: { id: 'id' }, deletes: { reconcile: {} } },
      /deletes: has no effect without `incremental`: a change log/,
    ],
    ['by a key that does not compare', { ...reconciled, key: ['id', 'tags'] }, /key\.1: "tags" is text\[\]/],
    [
      'too often',
      { ...reconciled, deletes: { reconcile: { every: '1 minute' } } },
      /deletes\.reconcile\.every/,
    ],
    [
      'with a share that is none',
      { ...reconciled, deletes: { reconcile: { holdBackAbove: { share: 20 } } } },
      /holdBackAbove\.share/,
    ],
  ])('is refused when it is read %s', (_how, source, message) => {
    expect(() => parse(source)).toThrow(message);
  });

  test.each([
    ['as a whole', { ...table, changes: all }, 'snapshots'],
    ['as a log', { ...table, changes: all, changeLog: { id: 'id' } }, 'entries'],
    [
      'as a log with marks',
      { ...table, changes: all, changeLog: { id: 'id', processed: 'done' } },
      'entries',
    ],
    ['by cursor, with keys', reconciled, 'reconciled'],
  ])('is accepted when it is read %s', (_how, source, seen) => {
    expect(deletesNote(parse(source) as PulledSourceConfig)).toMatchObject({ seen });
  });
});

test.each([
  ['by cursor', byCursor],
  ['from an API', api],
  ['from files', files],
])('a source that is read %s says that deletes are not seen', (_how, source) => {
  const { seen, text } = deletesNote(parse({ ...source, changes: 'upserts' }) as PulledSourceConfig);
  expect([seen, text]).toEqual(['unseen', expect.stringContaining('deletes are not seen')]);
});

test('keys are compared once a day, and a fifth of the rows is held back, if nothing else is said', () => {
  expect(parse(reconciled)).toMatchObject({
    deletes: { reconcile: { every: '1 day', holdBackAbove: { share: 0.2, rows: 100 } } },
  });
});
