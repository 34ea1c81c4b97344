import { describe, expect, test } from 'vitest';
import { generate } from '../../crash/generate.ts';
import { isClean, toJson, toText } from '../../crash/report.ts';
import type { CellResult, MatrixResult } from '../../crash/run-matrix.ts';
import { compareLake, type FoundRow, type Sent } from '../../crash/truth.ts';

const SENT = new Map<string, Sent>([['w', { valid: new Set([0, 1, 2, 3, 4, 5]), violating: new Set([9]) }]]);
const raw = (n: number, writer = 'w'): FoundRow => ({ zone: 'raw', writer, n });
const quarantine = (n: number, writer = 'w'): FoundRow => ({ zone: 'quarantine', writer, n });
const ALL = [...[0, 1, 2, 3, 4, 5].map((n) => raw(n)), quarantine(9)];

const truthOf = (rows: readonly FoundRow[], writer = 'w') => compareLake(SENT, rows).get(writer);

describe('the truth of the lake', () => {
  test('each record once, in its zone, is neither lost nor doubled', () => {
    expect(truthOf(ALL)).toEqual({ lost: 0, duplicated: 0, gaps: [] });
  });

  test('a record that is nowhere is lost, and gaps tell which', () => {
    expect(truthOf([raw(0), raw(3), raw(5), quarantine(9)])).toEqual({
      lost: 3,
      duplicated: 0,
      gaps: [
        [1, 2],
        [4, 4],
      ],
    });
    expect(truthOf([])?.lost).toBe(7);
  });

  test('every row beyond the first is a duplicate', () => {
    expect(truthOf([...ALL, raw(2), raw(2), raw(4)])).toMatchObject({ lost: 0, duplicated: 3 });
    expect(truthOf([...ALL, quarantine(9)])).toMatchObject({ lost: 0, duplicated: 1 });
  });

  test('a valid record in quarantine is lost and one too many there; so is a violating one in the lake', () => {
    expect(truthOf([...ALL.filter(({ n }) => n !== 3), quarantine(3)])).toMatchObject({
      lost: 1,
      duplicated: 1,
    });
    expect(truthOf([...ALL.filter(({ n }) => n !== 9), raw(9)])).toMatchObject({ lost: 1, duplicated: 1 });
  });

  test('what nobody has sent is too many', () => {
    expect(truthOf([...ALL, raw(77)])).toMatchObject({ lost: 0, duplicated: 1 });
    expect(truthOf([...ALL, raw(1, 'other')], 'other')).toEqual({ lost: 0, duplicated: 1, gaps: [] });
  });

  test('writers do not stand in for each other', () => {
    const sent = new Map([...SENT, ['v', { valid: new Set([0]), violating: new Set<number>() }]]);
    expect(compareLake(sent, ALL).get('v')).toEqual({ lost: 1, duplicated: 0, gaps: [[0, 0]] });
  });
});

describe('what a writer sends', () => {
  test('holds every record, each violation once, and repeats others', () => {
    const { streamRecords, sent } = generate('w', 3);
    const lines = streamRecords.flatMap((bytes) => bytes.toString().split('\n'));
    const records = lines.map((line) => JSON.parse(line) as { writer: string; n: number; at: string });
    const valid = records.filter(({ at }) => at !== 'never').map(({ n }) => n);
    expect(new Set(valid)).toEqual(sent.valid);
    expect(valid.length).toBeGreaterThan(sent.valid.size);
    expect(records.filter(({ at }) => at === 'never').map(({ n }) => n)).toEqual([...sent.violating]);
  });

  test('has three days and a violation in each stream record, and no day of another writer', () => {
    const daysOf = (index: number): Set<string>[] =>
      generate('w', index).streamRecords.map(
        (bytes) => new Set(bytes.toString().match(/\d{4}-\d\d-\d\d(?=T)|never/g)),
      );
    for (const days of daysOf(0)) expect([days.size, days.has('never')]).toEqual([4, true]);
    const [first, second] = [daysOf(0)[0], daysOf(1)[0]];
    expect([...(first ?? [])].filter((day) => second?.has(day))).toEqual(['never']);
  });
});

describe('the report of the matrix', () => {
  const cell: CellResult = {
    point: 'B.4',
    call: 'create a file',
    variant: 'after',
    hasFired: true,
    hasLanded: true,
    lost: 0,
    duplicated: 0,
    gaps: [],
  };
  const resultOf = (cells: readonly CellResult[], foreignRows = 0): MatrixResult => ({
    cells,
    foreignRows,
    records: 1,
    invocations: 1,
    seconds: 1,
  });

  test('is clean only when every crash has happened and nothing is lost, doubled or foreign', () => {
    expect(isClean(resultOf([cell]))).toBe(true);
    expect(isClean(resultOf([]))).toBe(false);
    expect(isClean(resultOf([cell], 1))).toBe(false);
    for (const problem of [{ hasFired: false }, { hasLanded: false }, { lost: 1 }, { duplicated: 1 }]) {
      expect(isClean(resultOf([cell, { ...cell, ...problem }]))).toBe(false);
    }
  });

  test('says so in words and in JSON', () => {
    const bad = { ...cell, variant: 'lost' as const, lost: 2, duplicated: 3, gaps: [[4, 5]] as const };
    expect(toText(resultOf([cell, bad]))).toMatch(/0\/0[^\n]*2\/3[\s\S]*B.4\/lost: lost 4 to 5[\s\S]*FAILED/);
    expect(toText(resultOf([{ ...cell, hasFired: false }]))).toMatch(/did not happen/);
    expect(toText(resultOf([{ ...cell, hasLanded: false, lost: 7 }]))).toMatch(/stuck, 7\/0/);
    expect(toText(resultOf([cell]))).toMatch(/Nothing lost, nothing duplicated, every crash happened/);
    expect(toJson(resultOf([cell, bad], 4))).toMatchObject({
      ok: false,
      lost: 2,
      duplicated: 7,
      notHappened: 0,
      notLanded: 0,
    });
  });
});
