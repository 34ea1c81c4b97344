import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { NOTHING_SETTLED, type SettledCounts } from '../../../shared/domain/record-counts.ts';
import { formatRowSet } from '../../../shared/domain/row-set.ts';
import { auditSource, isClean, type SourceAudit } from '../../../shared/pipeline/audit/audit-source.ts';
import type { ObjectVersion, VersionContent } from '../../../shared/ports/object-versions.ts';
import type { ReceivedRows } from '../../../shared/ports/received-rows.ts';

const HOUR_MS = 3_600_000;
/** The audited hours. */
const FROM = 490_000;
const TO = FROM + 9;

interface Version extends VersionContent {
  readonly atMs: number;
  readonly isDeleteMarker: boolean;
}

/** Objects by key, their versions from the oldest on. A file of the lake is the list of its rows: hour and identity. */
const objects = new Map<string, Version[]>();
const read: string[] = [];
let ledger: MemoryLedgerStore;
let counted: Map<number, Partial<SettledCounts>>;

/** Somebody else has written it, who says nothing of what it is. */
const BY_HAND = 'by hand';

type Row = readonly [hour: number, id: string];

const file = (rows: readonly Row[]): Uint8Array => Buffer.from(JSON.stringify(rows));
const rowsOf = (bytes: Uint8Array): readonly Row[] | undefined => {
  const text = Buffer.from(bytes).toString();
  return text.startsWith('[') ? (JSON.parse(text) as Row[]) : undefined;
};

/** Writes a version, as Headgate does it or somebody else. */
function put(
  key: string,
  hour: number,
  rows: readonly Row[] | string,
  kind: 'data' | 'tombstone' | typeof BY_HAND = 'data',
): void {
  const bytes = typeof rows === 'string' ? Buffer.from(rows) : file(rows);
  const said = kind === BY_HAND ? undefined : kind;
  const version = { bytes, kind: said, atMs: hour * HOUR_MS, isDeleteMarker: false };
  objects.set(key, [...(objects.get(key) ?? []), version]);
}

function remove(key: string, hour: number): void {
  const marker = { bytes: new Uint8Array(), kind: undefined, atMs: hour * HOUR_MS, isDeleteMarker: true };
  objects.set(key, [...(objects.get(key) ?? []), marker]);
}

const rows = (hour: number, count: number, name = 'r'): Row[] =>
  Array.from({ length: count }, (_, n) => [hour, `${name}-${String(hour)}-${String(n)}`]);

/** A file that was landed and counted. */
function land(key: string, hour: number, count: number): void {
  put(key, hour, rows(hour, count, key));
  settle(hour, { landed: count });
}

function settle(hour: number, { landed = 0, quarantined = 0 }: Partial<SettledCounts>): void {
  const known = counted.get(hour) ?? {};
  counted.set(hour, {
    landed: (known.landed ?? 0) + landed,
    quarantined: (known.quarantined ?? 0) + quarantined,
  });
}

function createRows(): ReceivedRows {
  const ids: string[] = [];
  const count = (bytes: Uint8Array): Map<number, number> | undefined => {
    const hours = new Map<number, number>();
    for (const [hour] of rowsOf(bytes) ?? []) hours.set(hour, (hours.get(hour) ?? 0) + 1);
    return rowsOf(bytes) && hours;
  };
  return {
    count: (bytes) => Promise.resolve(count(bytes)),
    add: (bytes, { from, to }) => {
      for (const [hour, id] of rowsOf(bytes) ?? []) if (hour >= from && hour <= to) ids.push(id);
      return Promise.resolve(count(bytes));
    },
    quarantined: (bytes) => Promise.resolve(rowsOf(bytes)?.map(([hour]) => hour)),
    repeated: () => Promise.resolve(ids.length - new Set(ids).size),
    close: () => Promise.resolve(),
  };
}

async function audit(): Promise<SourceAudit> {
  return await auditSource(
    {
      ledger,
      rows: createRows(),
      counts: {
        read: (_source, from, to) =>
          Promise.resolve(
            [...counted]
              .filter(([hour]) => hour >= from && hour <= to)
              .sort(([a], [b]) => a - b)
              .map(([hour, counts]) => ({ hour, accepted: 0, ...NOTHING_SETTLED, ...counts })),
          ),
      },
      versions: {
        list: async function* (prefix) {
          await Promise.resolve();
          for (const key of [...objects.keys()].filter((each) => each.startsWith(prefix)).sort()) {
            const versions = objects.get(key) ?? [];
            yield versions
              .map(({ atMs, isDeleteMarker }, n): ObjectVersion => ({
                ...{ key, versionId: String(n), isDeleteMarker, modifiedAtMs: atMs },
                isLatest: n === versions.length - 1,
              }))
              .reverse();
          }
        },
        read: (key, versionId) => {
          read.push(key);
          return Promise.resolve(objects.get(key)?.[Number(versionId)]);
        },
      },
    },
    { source: 'orders', fromHour: FROM, toHour: TO },
  );
}

beforeEach(() => {
  objects.clear();
  read.length = 0;
  counted = new Map();
  ledger = new MemoryLedgerStore();
});

describe('an audit of the lake', () => {
  test('finds nothing where each hour has as many rows as were counted', async () => {
    land('raw/orders/a', FROM, 3);
    land('raw/orders/b', FROM + 2, 4);
    land('raw/orders-eu/c', FROM + 2, 4);
    counted.set(FROM + 2, { landed: 4 });
    const found = await audit();
    expect(isClean(found)).toBe(true);
    expect(found.hours.map(({ hour, counted: one, found: two }) => [hour - FROM, one, two])).toEqual([
      [0, 3, 3],
      [2, 4, 4],
    ]);
  });

  test('counts rows by the hour in which they were received, whenever they have landed', async () => {
    put('raw/orders/late', FROM + 9, [...rows(FROM - 20, 2), ...rows(FROM + 1, 3), ...rows(TO + 1, 5)]);
    settle(FROM - 20, { landed: 2 });
    settle(FROM + 1, { landed: 3 });
    const found = await audit();
    expect(isClean(found)).toBe(true);
    expect(found.hours).toHaveLength(1);
  });

  test('reads no object that is older than the hours', async () => {
    land('raw/orders/old', FROM - 2, 3);
    land('raw/orders/new', FROM, 3);
    expect(isClean(await audit())).toBe(true);
    expect(read).toEqual(['raw/orders/new']);
  });

  test('does not judge what was received before anything was counted', async () => {
    put('raw/orders/before', FROM + 1, rows(FROM + 1, 7));
    land('raw/orders/after', FROM + 5, 2);
    const found = await audit();
    expect([isClean(found), found.countedFrom, found.hours.length]).toEqual([true, FROM + 5, 1]);
  });

  test('names what was deleted, and takes a file that was withdrawn for none', async () => {
    land('raw/orders/a', FROM, 3);
    put('raw/orders/withdrawn', FROM, rows(FROM, 9, 'w'));
    put('raw/orders/withdrawn', FROM, [], 'tombstone');
    put('raw/orders/tombstone', FROM, [], 'tombstone');
    remove('raw/orders/tombstone', TO);
    expect(isClean(await audit())).toBe(true);
    remove('raw/orders/a', TO);
    const found = await audit();
    expect(found.damages).toEqual([
      { key: 'raw/orders/a', what: 'deleted', atMs: TO * HOUR_MS, rows: 3, versionId: '1' },
    ]);
    expect(found.hours).toMatchObject([{ counted: 3, found: 0, damaged: 3 }]);
  });

  test.each([
    ['fewer rows', rows(FROM, 1, 'raw/orders/a'), 2],
    ['what is no table', 'not a table', 3],
  ])(
    'names what was overwritten with %s, and the version that is to be restored',
    async (_name, by, lost) => {
      land('raw/orders/a', FROM, 3);
      put('raw/orders/a', FROM + 1, by, BY_HAND);
      put('raw/orders/a', FROM + 2, by, BY_HAND);
      const found = await audit();
      expect(found.damages).toMatchObject([{ what: 'overwritten', rows: lost, versionId: '0' }]);
      expect(found.hours).toMatchObject([{ counted: 3, found: 3 - lost, damaged: lost }]);
    },
  );

  test('names the first version of an object that was overwritten again and again by something that says it was Headgate', async () => {
    land('raw/orders/a', FROM, 3);
    for (const left of [2, 1]) put('raw/orders/a', FROM + 3 - left, rows(FROM, left, 'raw/orders/a'));
    expect((await audit()).damages).toMatchObject([{ what: 'overwritten', rows: 2, versionId: '0' }]);
  });

  test('is content with what was restored by a copy, or put back', async () => {
    land('raw/orders/copied', FROM, 3);
    put('raw/orders/copied', FROM + 1, [], BY_HAND);
    put('raw/orders/copied', FROM + 2, rows(FROM, 3, 'raw/orders/copied'));
    land('raw/orders/back', FROM, 2);
    remove('raw/orders/back', FROM + 1);
    put('raw/orders/back', FROM + 2, rows(FROM, 2, 'raw/orders/back'), BY_HAND);
    expect(isClean(await audit())).toBe(true);
  });

  test('names rows that nobody has counted, and identities that are there twice', async () => {
    land('raw/orders/a', FROM, 3);
    put('raw/orders/by-hand', FROM, rows(FROM, 3, 'raw/orders/a'), BY_HAND);
    const found = await audit();
    expect(found).toMatchObject({ repeated: 3, damages: [{ what: 'foreign', rows: 3 }] });
    expect(found.hours).toMatchObject([{ counted: 3, found: 6, damaged: 0 }]);
    put('raw/orders/by-hand', FROM, [], 'tombstone');
    expect(isClean(await audit())).toBe(true);
  });

  test('says of rows that are gone with all versions that they are missing', async () => {
    settle(FROM + 3, { landed: 5 });
    const found = await audit();
    expect([isClean(found), found.damages]).toEqual([false, []]);
    expect(found.hours).toMatchObject([{ counted: 5, found: 0, damaged: 0 }]);
  });
});

describe('an audit of the quarantine', () => {
  const day = new Date(FROM * HOUR_MS).toISOString().slice(0, 10);
  const key = `quarantine/orders/reason=CONTRACT/dt=${day}/a-v1.parquet`;

  test('compares rows that are neither replayed nor given up', async () => {
    land('raw/orders/a', FROM, 1);
    put(key, FROM, rows(FROM, 4));
    settle(FROM, { quarantined: 4 });
    expect(isClean(await audit())).toBe(true);
    // Two of them are replayed.
    const lane = `replay/${key}`;
    await ledger.commit(
      lane,
      0,
      { from: '', to: formatRowSet(new Set([0, 2])), records: 2, keys: 0 },
      'test',
    );
    expect(isClean(await audit())).toBe(false);
    counted.set(FROM, { landed: 1, quarantined: 2 });
    expect(isClean(await audit())).toBe(true);
  });

  test('names a file that was deleted', async () => {
    land('raw/orders/a', FROM, 1);
    put(key, FROM, rows(FROM, 4));
    settle(FROM, { quarantined: 4 });
    remove(key, TO);
    const found = await audit();
    expect(found.damages).toMatchObject([{ key, what: 'deleted', rows: 4, versionId: '1' }]);
    expect(found.hours).toMatchObject([{ quarantined: 4, quarantinedFound: 0 }]);
  });
});
