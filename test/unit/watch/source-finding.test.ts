import { describe, expect, test } from 'vitest';
import { toFindingEvent } from '../../../shared/domain/watch/finding-event.ts';
import { oldestJudgedHour } from '../../../shared/domain/watch/judge-source.ts';
import {
  changesOf,
  compareFindings,
  type SourceFinding,
} from '../../../shared/domain/watch/source-finding.ts';
import { NOW_HOUR, NOW_MS } from '../../support/watch-history.ts';

const finding = (kind: SourceFinding['kind'], hour: number, amount = 1): SourceFinding => ({
  kind,
  hour,
  sinceHour: hour,
  amount,
  message: `${kind} of ${String(hour)}`,
});
const changes = (before: readonly SourceFinding[], now: readonly SourceFinding[], oldest = 0): string[] =>
  changesOf(before, now, oldest).map(
    ({ status, finding: { kind, hour } }) => `${status} ${kind} ${String(hour)}`,
  );

describe('what is told of findings', () => {
  const missing = finding('completeness', 5, 10);

  test.each([
    ['a new one', [], [missing], ['new completeness 5']],
    ['one that stays is not told again', [missing], [missing], []],
    ['another number of missing records', [missing], [{ ...missing, amount: 9 }], ['changed completeness 5']],
    ['one that has ended', [missing], [], ['ended completeness 5']],
    [
      'each hour with missing records for itself',
      [missing],
      [missing, finding('completeness', 6)],
      ['new completeness 6'],
    ],
    ['a drop that lasts is one', [finding('volume-drop', 5, 100)], [finding('volume-drop', 6, 70)], []],
    [
      'two kinds',
      [finding('volume-drop', 5)],
      [finding('cost-spike', 5)],
      ['new cost-spike 5', 'ended volume-drop 5'],
    ],
  ])('%s', (_, before, now, expected) => {
    expect(changes(before, now)).toEqual(expected);
  });

  test('of an hour that is not counted any more nobody knows whether it was repaired', () => {
    expect(changes([missing], [], 6)).toEqual(['expired completeness 5']);
    expect(changes([missing], [], 5)).toEqual(['ended completeness 5']);
    expect(changes([finding('volume-drop', 5)], [], 6)).toEqual(['ended volume-drop 5']);
  });

  test('an event says what, where, how bad and what to do, and an end says that it is over', () => {
    const change = { status: 'new', finding: finding('completeness', NOW_HOUR, 3) } as const;
    expect(toFindingEvent('lab', 'orders', change)).toEqual({
      deployment: 'lab',
      source: 'orders',
      kind: 'completeness',
      severity: 'critical',
      status: 'new',
      hour: '2026-12-01T10:00:00.000Z',
      amount: 3,
      expected: undefined,
      message: change.finding.message,
      runbook: 'docs/runbooks/completeness.md',
    });
    expect(toFindingEvent('lab', 'orders', { ...change, status: 'ended' }).message).toBe(
      'No record of orders of the hour from 2026-12-01 10:00 UTC is missing any more.',
    );
  });
});

test('critical findings come first, then by kind and hour', () => {
  const all = [
    finding('volume-drop', 1),
    finding('completeness', 9),
    finding('cost-spike', 3),
    finding('completeness', 2),
  ];
  expect(all.sort(compareFindings).map(({ kind, hour }) => `${kind} ${String(hour)}`)).toEqual([
    'completeness 2',
    'completeness 9',
    'cost-spike 3',
    'volume-drop 1',
  ]);
});

test('a week is judged, and longer where records are missing, as long as they are counted', () => {
  const oldest = (...before: readonly SourceFinding[]): number =>
    NOW_HOUR - oldestJudgedHour(before, NOW_MS, 800);
  expect(oldest()).toBe(168);
  expect(oldest(finding('volume-drop', NOW_HOUR - 300))).toBe(168);
  expect(oldest(finding('completeness', NOW_HOUR - 3))).toBe(168);
  expect(oldest(finding('completeness', NOW_HOUR - 300), finding('completeness', NOW_HOUR - 200))).toBe(300);
  expect(oldest(finding('completeness', NOW_HOUR - 900))).toBe(800);
});
