import { describe, expect, test } from 'vitest';
import { IdRanges, parseIds } from '../../../shared/domain/id-ranges.ts';
import {
  formatTablePosition,
  parseTablePosition,
  requireSameColumn,
  type TablePosition,
} from '../../../shared/domain/table-position.ts';

const by = { column: 'at', type: 'timestamp', key: ['id'] };

const POSITIONS: readonly TablePosition[] = [
  { v: 1, mode: 'cursor', by },
  {
    v: 1,
    mode: 'cursor',
    by,
    place: { cursor: '2026-01-01 00:00:00.000001+00', key: ['9007199254740993'] },
    memory: 'm',
  },
  { v: 1, mode: 'lookback', by, seen: [] },
  {
    v: 1,
    mode: 'lookback',
    by,
    highest: '2',
    sweep: { from: '1', startedAtMs: 7, place: { cursor: '2', key: ['a'] } },
    swept: { atMs: 5, forMs: 1 },
    seen: ['x'],
  },
  { v: 1, mode: 'processed', column: 'id', landed: 'a+2' },
  { v: 1, mode: 'extract', number: 3, startedAtMs: 9 },
];

test.each(POSITIONS.map((position) => [position.mode, position] as const))(
  'a position of mode %s is the same after it was written and read, and has one text',
  (mode, position) => {
    const text = formatTablePosition(position);
    const read = parseTablePosition('orders', mode, text);
    expect(read).toMatchObject(position);
    expect(formatTablePosition({ ...position, ...read })).toBe(text);
  },
);

test('nothing was read before the first commit', () => {
  expect(parseTablePosition('orders', 'cursor', undefined)).toBeUndefined();
});

test.each([
  '',
  'null',
  '{"v":2,"mode":"cursor"}',
  '{"v":1,"cursor":"5","seen":[]}',
  '{"v":1,"mode":"cursor"}',
])('a position that cannot be read stops the source: %s', (text) => {
  expect(() => parseTablePosition('orders', 'cursor', text)).toThrow(
    expect.objectContaining({ code: 'UNREADABLE_POSITION', disposition: 'block' }),
  );
});

test('a position of another mode stops the source and says what to do', () => {
  const text = formatTablePosition({ v: 1, mode: 'cursor', by });
  expect(() => parseTablePosition('orders', 'lookback', text)).toThrow(
    expect.objectContaining({
      code: 'POSITION_MODE_CHANGED',
      message: expect.stringContaining('npx headgate checkpoint reset orders') as string,
    }),
  );
});

test.each([
  [{ ...by, column: 'changed' }, 'column'],
  [{ ...by, type: 'bigint' }, 'type'],
  [{ ...by, key: ['id', 'part'] }, 'key'],
])('a position of another cursor stops the source: %j', (now, what) => {
  expect(() => {
    requireSameColumn('orders', by, now);
  }).toThrow(
    expect.objectContaining({ code: 'CURSOR_CHANGED', message: expect.stringContaining(what) as string }),
  );
  requireSameColumn('orders', by, { ...by });
});

function toRanges(ids: readonly string[]): IdRanges {
  const ranges = new IdRanges();
  for (const id of ids) expect(ranges.add(id)).toBe(true);
  return ranges;
}

describe('ids of a change log', () => {
  test.each([
    [[], ''],
    [['7'], '7'],
    [['10', '11', '12', '17'], 'a+2,5'],
    [['-3', '-2', '4'], '-3+1,6'],
    [['9223372036854775806', '9223372036854775807'], '1y2p0ij32e8e6+1'],
  ])('%j are written as %j', (ids, text) => {
    const ranges = toRanges(ids);
    expect(ranges.toString()).toBe(text);
    expect(ranges.size).toBe(ids.length);
    expect(parseIds(text)).toEqual(ids);
  });

  test('as many as a position holds are taken, and the next one is refused', () => {
    const ranges = new IdRanges();
    let id = 0;
    while (ranges.add(String(id * 3))) id++;
    expect(ranges.toString().length).toBeLessThanOrEqual(60_000);
    expect(ranges.size).toBeGreaterThan(20_000);
    expect(parseIds(ranges.toString())).toHaveLength(ranges.size);
  });

  test.each([['5'], ['4']])('an id that does not ascend stops the source: %s after 5', (id) => {
    const ranges = toRanges(['5']);
    expect(() => ranges.add(id)).toThrow(expect.objectContaining({ code: 'DB_IDS_OUT_OF_ORDER' }));
  });

  test('a text that is none stops the source', () => {
    expect(() => parseIds('1;2')).toThrow(expect.objectContaining({ code: 'UNREADABLE_POSITION' }));
  });
});
