import { afterEach, describe, expect, test } from 'vitest';
import { BlockedError, dispositionOf, HeadgateError } from '../../shared/domain/errors.ts';
import type { Column } from '../../shared/domain/contract.ts';
import { parseColumnType } from '../../shared/domain/column-type.ts';
import type { CursorPlace, KeyText, TableRead, TableSource } from '../../shared/ports/table-source.ts';
import { toExtras, toRows } from '../support/table-rows.ts';

/** A table that a test needs. Values are text, as the database reads it; null is null. */
export interface TableFixture {
  /** Columns of the table: name → word of a column type. The first one is its primary key, unless `key` names others. */
  readonly columns: Readonly<Record<string, string>>;
  readonly key?: readonly string[];
  /** The table has no primary key, and its key columns may be null. */
  readonly isKeyNullable?: boolean;
  readonly rows: readonly (readonly (string | null)[])[];
  /** Columns that may not be null; others may. */
  readonly notNull?: readonly string[];
  /** What the source declares; the table's own columns if undefined. */
  readonly declared?: Readonly<Record<string, string>>;
  readonly undeclared?: 'evolve' | 'freeze';
  readonly cursor?: string;
  readonly changeLog?: { readonly id: string; readonly processed?: string };
}

export interface OpenTable {
  readonly source: TableSource;
  /** Adds rows in a transaction of its own. */
  readonly insert: (rows: TableFixture['rows']) => Promise<void>;
  /** Adds rows in a transaction that stays open until what it returns is called. */
  readonly insertSlowly: (rows: TableFixture['rows']) => Promise<() => Promise<void>>;
  readonly dropTable: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface TableSubject {
  open(fixture: TableFixture): Promise<OpenTable>;
}

const DEADLINE = (): number => Date.now() + 60_000;

const EVENTS = {
  columns: { id: 'bigint', changed: 'timestamp', note: 'text' },
  notNull: ['changed'],
  cursor: 'changed',
} as const;

/** What the readers of tables rely on, whatever the database. */
export function tableSourceContract(name: string, subject: TableSubject): void {
  const opened: OpenTable[] = [];
  const open = async (fixture: TableFixture): Promise<OpenTable> => {
    const table = await subject.open(fixture);
    opened.push(table);
    return table;
  };
  afterEach(async () => {
    for (const table of opened.splice(0)) await table.close();
  });

  describe(`table source: ${name}`, () => {
    test('rows come by cursor and key, ascending, whatever the order in which they were written', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: [
          ['10', '2026-01-01 00:00:02', 'c'],
          ['9', '2026-01-01 00:00:01', 'b'],
          ['2', '2026-01-01 00:00:02', null],
          ['100', '2026-01-01 00:00:00', 'a'],
        ],
      });
      const { rows, last } = await readAll(source, EVENTS.columns, { cursor: ALL });
      expect(rows.map(({ id }) => id)).toEqual(['100', '9', '2', '10']);
      expect(rows.map(({ note }) => note)).toEqual(['a', 'b', null, 'c']);
      expect(last?.key).toEqual(['10']);
      expect(source.compare(last?.cursor ?? '', '2026-01-01 00:00:02')).toBe(0);
    });

    test('reading goes on at any place, between rows with equal cursors too, and misses and repeats none', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: Array.from({ length: 12 }, (_, i) => [
          String(100 - i),
          `2026-01-01 00:00:0${String(i % 3)}`,
          null,
        ]),
      });
      const all = (await readAll(source, EVENTS.columns, { cursor: ALL })).rows.map(({ id }) => id);
      expect(all).toHaveLength(12);
      let place: CursorPlace | undefined;
      for (let i = 1; i <= all.length; i += 1) {
        const { rows, last } = await readAll(source, EVENTS.columns, {
          cursor: { from: place, until: undefined },
          maxRows: 1,
        });
        expect(rows[0]?.['id']).toBe(all[i - 1]);
        // A batch may hold more than was asked for.
        place = rows.length === 1 ? last : { cursor: rows[0]?.['changed'] ?? '', key: [all[i - 1] ?? ''] };
        const rest = await readAll(source, EVENTS.columns, { cursor: { from: place, until: undefined } });
        expect(rest.rows.map(({ id }) => id)).toEqual(all.slice(i));
      }
    });

    test('a place without a key is before all rows of its cursor', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: [
          ['1', '2026-01-01 00:00:00', null],
          ['2', '2026-01-01 00:00:01', null],
          ['3', '2026-01-01 00:00:01', null],
        ],
      });
      const from = { cursor: '2026-01-01 00:00:01', key: undefined };
      const { rows } = await readAll(source, EVENTS.columns, { cursor: { from, until: undefined } });
      expect(rows.map(({ id }) => id)).toEqual(['2', '3']);
    });

    test('rows up to a place are counted and read, with the row of the place; without a key before its cursor', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: Array.from({ length: 12 }, (_, i) => [
          String(100 - i),
          `2026-01-01 00:00:0${String(i % 3)}`,
          null,
        ]),
      });
      const all = (await readAll(source, EVENTS.columns, { cursor: ALL })).rows;
      const places = all.map(({ id, changed }) => ({ cursor: changed ?? '', key: [id ?? ''] }));
      for (const [i, to] of places.entries()) {
        for (const [j, from] of [undefined, ...places].entries()) {
          const cursor = { from, to, until: undefined };
          const rows = Math.max(0, i + 1 - j);
          expect(await source.count({ cursor, deadlineMs: DEADLINE() })).toBe(rows);
          if (j === 3) expect((await readAll(source, EVENTS.columns, { cursor })).rows).toHaveLength(rows);
        }
        const before = { from: undefined, to: { cursor: to.cursor, key: undefined }, until: undefined };
        expect(await source.count({ cursor: before, deadlineMs: DEADLINE() })).toBe(Math.floor(i / 4) * 4);
      }
    });

    test('the database counts what it has read, in the same snapshot, while others write', async () => {
      const columns = { id: 'bigint', filler: 'text' };
      const filler = 'x'.repeat(8000);
      const { source, insert } = await open({
        columns,
        rows: Array.from({ length: 2000 }, (_, i) => [String(i), filler]),
      });
      const counted: number[] = [];
      let rows = 0;
      for await (const batch of source.read({
        keys: { from: ['99'], to: undefined },
        onCounted: (count) => counted.push(count),
        deadlineMs: DEADLINE(),
      })) {
        if (rows === 0) await insert([['100000', filler]]);
        rows += batch.rows.rows;
      }
      expect([rows, ...counted]).toEqual([1900, 1900]);
    });

    test('the bound is exclusive, to the microsecond', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: [
          ['1', '2026-01-01 00:00:00.000001', null],
          ['2', '2026-01-01 00:00:00.000002', null],
          ['3', '2026-01-01 00:00:00.000003', null],
        ],
      });
      const until = '2026-01-01 00:00:00.000003';
      const first = await readAll(source, EVENTS.columns, { cursor: { from: undefined, until } });
      expect(first.rows.map(({ id }) => id)).toEqual(['1', '2']);
      const rest = await readAll(source, EVENTS.columns, {
        cursor: { from: first.last, until: undefined },
      });
      expect(rest.rows.map(({ id }) => id)).toEqual(['3']);
      expect(await source.count({ cursor: { from: undefined, until }, deadlineMs: DEADLINE() })).toBe(2);
    });

    test('neighbours above 2^53 stay apart, as keys and as cursors', async () => {
      const columns = { id: 'bigint', version: 'bigint' };
      const { source } = await open({
        columns,
        notNull: ['version'],
        cursor: 'version',
        rows: [
          ['9007199254740993', '9007199254740993'],
          ['9007199254740992', '9007199254740993'],
          ['9223372036854775807', '9223372036854775806'],
        ],
      });
      const { rows } = await readAll(source, columns, { cursor: ALL });
      expect(rows.map(({ id }) => id)).toEqual([
        '9007199254740992',
        '9007199254740993',
        '9223372036854775807',
      ]);
      const rest = await readAll(source, columns, {
        cursor: { from: { cursor: '9007199254740993', key: ['9007199254740992'] }, until: undefined },
      });
      expect(rest.rows.map(({ id }) => id)).toEqual(['9007199254740993', '9223372036854775807']);
      expect(source.compare('9007199254740992', '9007199254740993')).toBeLessThan(0);
    });

    test('every kind of column arrives exactly', async () => {
      const columns = {
        id: 'bigint',
        truth: 'boolean',
        small: 'integer',
        amount: 'decimal(12,2)',
        large: 'decimal(38,10)',
        share: 'double',
        day: 'date',
        at: 'timestamp',
        local: 'local-timestamp',
        note: 'text',
        data: 'bytes',
      };
      const values = [
        ['1', 'true', '-2147483648', '-9999999999.99', '1234567890123456789012345678.0123456789', '0.1'],
        ['2026-02-28', '2026-02-28 23:59:59.999999', '2026-02-28 01:02:03.000004', 'é "\\\' \u{1F98B}', 'x'],
      ].flat();
      const { source } = await open({ columns, rows: [values, ['2', ...values.slice(1).map(() => null)]] });
      const { rows } = await readAll(source, columns, { keys: EVERY_KEY });
      rows.sort((a, b) => (Number(a['id']) < Number(b['id']) ? -1 : 1));
      const names = Object.keys(columns);
      const expected = names.map((column, i) => [column, values[i] ?? null]);
      expect(rows[0]).toEqual({
        ...Object.fromEntries(expected),
        at: '2026-02-28 23:59:59.999999+00',
        data: '78',
      });
      expect(rows[1]).toEqual({ ...Object.fromEntries(names.map((column) => [column, null])), id: '2' });
    });

    test.each([
      ['numbers', { id: 'bigint', v: 'text' }, ['id'], (i: number) => [String(i * 37 - 900), 'v']],
      ['texts', { id: 'text', v: 'text' }, ['id'], (i: number) => [`${i % 2 ? 'a' : 'B'}é${String(i)}`, 'v']],
      [
        'several columns',
        { a: 'text', b: 'bigint' },
        ['a', 'b'],
        (i: number) => [`g${String(i % 5)}`, String(i)],
      ],
    ])('ranges of keys hold every row once: %s', async (_kind, columns, key, rowOf) => {
      const { source } = await open({ columns, key, rows: Array.from({ length: 2000 }, (_, i) => rowOf(i)) });
      const boundaries = await source.planBoundaries({ rowsPerSplit: 300, deadlineMs: DEADLINE() });
      expect(boundaries.length).toBeGreaterThan(2);
      const edges: (KeyText | undefined)[] = [undefined, ...boundaries, undefined];
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let i = 1; i < edges.length; i += 1) {
        const keys = { from: edges[i - 1], to: edges[i] };
        const { rows } = await readAll(source, columns, { keys });
        expect(await source.count({ keys, deadlineMs: DEADLINE() })).toBe(rows.length);
        const keyColumns = Object.fromEntries(
          Object.entries(columns).filter(([column]) => key.includes(column)),
        );
        const keysAlone = (await readAll(source, keyColumns, { keys, keysOnly: true })).rows;
        const ofRows = rows.map((row) => key.map((column) => row[column]));
        expect(keysAlone.map((row) => key.map((column) => row[column])).sort()).toEqual(ofRows.sort());
        sizes.push(rows.length);
        seen.push(...rows.map((row) => key.map((column) => row[column]).join('/')));
      }
      expect(seen).toHaveLength(2000);
      expect(new Set(seen).size).toBe(2000);
      expect(Math.max(...sizes)).toBeLessThan(1500);
    });

    test('keys are read alone, whatever other columns have become', async () => {
      const { source } = await open({
        columns: { id: 'bigint', part: 'text', note: 'text', more: 'text' },
        key: ['part', 'id'],
        rows: [
          ['1', 'a', 'x', 'y'],
          ['2', "b'", null, null],
        ],
        declared: { id: 'bigint', part: 'text', note: 'integer', missing: 'text' },
        undeclared: 'freeze',
      });
      const { rows, extras } = await readAll(
        source,
        { id: 'bigint', part: 'text' },
        { keys: EVERY_KEY, keysOnly: true },
      );
      rows.sort((a, b) => Number(a['id']) - Number(b['id']));
      expect(rows).toEqual([
        { id: '1', part: 'a' },
        { id: '2', part: "b'" },
      ]);
      expect(extras).toEqual([null, null]);
    });

    test('rows whose key has a null are in one of the ranges too', async () => {
      const columns = { id: 'bigint', part: 'integer' };
      const rows = Array.from({ length: 40 }, (_, i) => [
        i % 10 === 3 ? null : String(Math.floor(i / 4)),
        i % 10 === 7 ? null : String(i),
      ]);
      const { source } = await open({ columns, key: ['id', 'part'], isKeyNullable: true, rows });
      const edges = [undefined, ['2', '9'], ['5', '21'], ['5', '23'], undefined];
      let found = 0;
      for (let i = 1; i < edges.length; i += 1) {
        const keys = { from: edges[i - 1], to: edges[i] };
        found += (await readAll(source, columns, { keys })).rows.length;
      }
      expect(found).toBe(rows.length);
    });

    test('a small or empty table is one range', async () => {
      const { source } = await open({ ...EVENTS, rows: [] });
      expect(await source.planBoundaries({ rowsPerSplit: 10_000, deadlineMs: DEADLINE() })).toEqual([]);
      expect((await readAll(source, EVENTS.columns, { keys: EVERY_KEY })).rows).toEqual([]);
      expect((await readAll(source, EVENTS.columns, { cursor: ALL })).rows).toEqual([]);
      expect(await source.count({ deadlineMs: DEADLINE() })).toBe(0);
    });

    test('entries of a change log are read until they are marked; marking twice changes nothing', async () => {
      const columns = { seq: 'bigint', payload: 'text', done: 'boolean' };
      const { source, insert } = await open({
        columns,
        changeLog: { id: 'seq', processed: 'done' },
        rows: [
          ['3', 'c', 'false'],
          ['1', 'a', 'false'],
          ['2', 'b', 'true'],
          ['4', 'd', null],
        ],
      });
      const first = await readAll(source, columns, { unprocessed: true });
      expect(first.rows.map(({ payload }) => payload)).toEqual(['a', 'c', 'd']);
      expect(first.ids).toEqual(['1', '3', '4']);
      for (let i = 0; i < 2; i += 1) await source.markProcessed(['3', '1'], DEADLINE());
      await insert([['5', 'e', 'false']]);
      const second = await readAll(source, columns, { unprocessed: true });
      expect(second.ids).toEqual(['4', '5']);
      expect(await source.count({ unprocessed: true, deadlineMs: DEADLINE() })).toBe(2);
      await source.markProcessed([], DEADLINE());
    });

    test('whoever stops taking batches can go on with the source', async () => {
      const columns = { id: 'bigint', filler: 'text' };
      const { source } = await open({
        columns,
        rows: Array.from({ length: 3000 }, (_, i) => [String(i), 'x'.repeat(8000)]),
      });
      let batches = 0;
      for await (const batch of source.read({ keys: EVERY_KEY, deadlineMs: DEADLINE() })) {
        expect(batch.rows.rows).toBeLessThan(3000);
        batches += 1;
        break;
      }
      expect(batches).toBe(1);
      expect(await source.count({ deadlineMs: DEADLINE() })).toBe(3000);
      const { rows } = await readAll(source, columns, { keys: EVERY_KEY });
      expect(rows).toHaveLength(3000);
    });

    test('one read is one snapshot: what is written meanwhile is not in it', async () => {
      const columns = { id: 'bigint', filler: 'text' };
      const filler = 'x'.repeat(8000);
      const { source, insert } = await open({
        columns,
        rows: Array.from({ length: 2000 }, (_, i) => [String(i), filler]),
      });
      let rows = 0;
      for await (const batch of source.read({ keys: EVERY_KEY, deadlineMs: DEADLINE() })) {
        if (rows === 0) await insert([['100000', filler]]);
        rows += batch.rows.rows;
      }
      expect(rows).toBe(2000);
      expect(await source.count({ deadlineMs: DEADLINE() })).toBe(2001);
    });

    test('a deadline that has passed ends a read with an error that may be repeated', async () => {
      const { source } = await open({ ...EVENTS, rows: [] });
      const error = await failureOf(
        readAll(source, EVENTS.columns, { cursor: ALL, deadlineMs: Date.now() - 1 }),
      );
      expect({ code: error.code, disposition: dispositionOf(error) }).toEqual({
        code: 'DB_TIMEOUT',
        disposition: 'retry',
      });
    });

    test('what the source declares is looked at before every read', async () => {
      const table = { columns: { id: 'bigint', note: 'text' }, rows: [['1', 'a']] };
      for (const [declared, undeclared, code, words] of [
        [{ id: 'bigint', nope: 'text' }, 'evolve', 'DB_NO_COLUMN', ['"nope"', '"note"']],
        [{ id: 'bigint', note: 'timestamp' }, 'evolve', 'DB_TYPE_CHANGED', ['"note"', 'timestamp', 'text']],
        [{ id: 'bigint' }, 'freeze', 'DB_NEW_COLUMN', ['"note"', 'evolve']],
      ] as const) {
        const { source } = await open({ ...table, declared, undeclared });
        const error = await failureOf(readAll(source, declared, { keys: EVERY_KEY }));
        expect(error).toBeInstanceOf(BlockedError);
        expect(error.code).toBe(code);
        for (const word of words) expect(error.message).toContain(word);
      }
    });

    test('a column that is not declared stays in `_extra`', async () => {
      const declared = { id: 'bigint' };
      const { source } = await open({
        columns: { id: 'bigint', note: 'text', number: 'bigint' },
        declared,
        rows: [
          ['1', 'a "b"', null],
          ['2', null, null],
          ['3', 'c', '9007199254740993'],
        ],
      });
      const { extras, rows } = await readAll(source, declared, { keys: EVERY_KEY });
      const byId = new Map(rows.map(({ id }, i) => [id, extras[i]]));
      expect(JSON.parse(byId.get('1') ?? '')).toMatchObject({ note: 'a "b"' });
      expect(byId.get('2')).toBeNull();
      expect(byId.get('3')).toContain('9007199254740993');
    });

    test('a null cursor stops the read and is counted', async () => {
      const { source } = await open({
        ...EVENTS,
        notNull: [],
        rows: [
          ['1', '2026-01-01 00:00:00', null],
          ['2', null, null],
          ['3', null, null],
        ],
      });
      const error = await failureOf(readAll(source, EVENTS.columns, { cursor: ALL }));
      expect(error.code).toBe('DB_CURSOR_NULL');
      expect(error.message).toContain('2 rows');
      expect(error.message).toContain('"changed"');
    });

    test('a table that is gone blocks, and says so', async () => {
      const { source, dropTable } = await open({ ...EVENTS, rows: [] });
      await readAll(source, EVENTS.columns, { cursor: ALL });
      await dropTable();
      const error = await failureOf(readAll(source, EVENTS.columns, { cursor: ALL }));
      expect({ code: error.code, disposition: error.disposition }).toEqual({
        code: 'DB_NO_TABLE',
        disposition: 'block',
      });
    });

    test('a table is described with words that the source can declare', async () => {
      const { source } = await open({
        ...EVENTS,
        rows: [['1', '2026-01-01 00:00:00', null]],
      });
      const { columns, primaryKey, isKeyUnique, warnings } = await source.describe(DEADLINE());
      expect(columns.map(({ name: column, columnType }) => [column, columnType])).toEqual([
        ['id', 'bigint'],
        ['changed', 'timestamp'],
        ['note', 'text'],
      ]);
      expect(columns.map(({ nullable }) => nullable)).toEqual([false, false, true]);
      expect(primaryKey).toEqual(['id']);
      expect(isKeyUnique).toBe(true);
      expect(warnings).toContainEqual({
        code: 'DB_CURSOR_NO_INDEX',
        message: expect.stringContaining('no index begins with the cursor "changed"') as string,
      });
    });

    test('a key that no unique index guards is told', async () => {
      const { source } = await open({ ...EVENTS, isKeyNullable: true, rows: [] });
      const { isKeyUnique, warnings } = await source.describe(DEADLINE());
      expect(isKeyUnique).toBe(false);
      expect(warnings).toContainEqual({
        code: 'DB_KEY_NOT_UNIQUE',
        message: expect.stringContaining('no unique index says that the key (id)') as string,
      });
    });

    test('the horizon of numbers waits for transactions that have one, and does not wait for ever', async () => {
      const columns = { id: 'bigint', note: 'text' };
      const { source, insert, insertSlowly } = await open({ columns, cursor: 'id', rows: [['1', 'a']] });
      const horizon = async (former?: string): ReturnType<TableSource['readHorizon']> =>
        source.readHorizon({ former, deadlineMs: DEADLINE() });
      const idle = await horizon();
      const isBelow = (id: string, until: string | undefined): boolean =>
        until !== undefined && source.compare(id, until) < 0;
      expect(isBelow('1', idle.until)).toBe(true);
      const commit = await insertSlowly([['2', 'slow']]);
      await insert([['3', 'fast']]);
      const held = await horizon(idle.memory);
      expect(isBelow('2', held.until)).toBe(false);
      expect(held.oldestOpenMs).toBeGreaterThan(0);
      await commit();
      const after = await horizon(held.memory);
      expect(isBelow('3', after.until)).toBe(true);
      const { rows } = await readAll(source, columns, { cursor: { from: undefined, until: after.until } });
      expect(rows.map(({ id }) => id)).toEqual(['1', '2', '3']);
    });

    test('looking back from a time gives an earlier one', async () => {
      const { source } = await open({ ...EVENTS, rows: [] });
      const earlier = source.before('2026-01-01 00:00:00.000001', 60_000);
      expect(source.compare(earlier, '2025-12-31 23:59:00.000001')).toBe(0);
    });
  });
}

const ALL = { from: undefined, until: undefined };
const EVERY_KEY = { from: undefined, to: undefined };

interface ReadRows {
  readonly rows: Record<string, string | null>[];
  readonly extras: (string | null)[];
  readonly ids: string[];
  readonly last: CursorPlace | undefined;
}

async function readAll(
  source: TableSource,
  declared: Readonly<Record<string, string>>,
  request: Partial<TableRead>,
): Promise<ReadRows> {
  const columns: Column[] = Object.entries(declared).map(([name, word]) => {
    const type = parseColumnType(word);
    if (type === undefined) throw new Error(`no column type: ${word}`);
    return { name, type };
  });
  const rows: Record<string, string | null>[] = [];
  const extras: (string | null)[] = [];
  const ids: string[] = [];
  let last: CursorPlace | undefined;
  for await (const batch of source.read({ deadlineMs: DEADLINE(), ...request })) {
    expect(batch.rows.columns).toHaveLength(columns.length);
    rows.push(...toRows(batch.rows, columns));
    extras.push(...toExtras(batch.rows));
    ids.push(...(batch.ids ?? []));
    last = batch.last;
  }
  return { rows, extras, ids, last };
}

async function failureOf(promise: Promise<unknown>): Promise<HeadgateError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeadgateError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
