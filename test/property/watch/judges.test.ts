import fc from 'fast-check';
import { describe, test, expect } from 'vitest';
import type { HourCounts } from '../../../shared/domain/record-counts.ts';
import { judgeSource, oldestJudgedHour } from '../../../shared/domain/watch/judge-source.ts';
import { changesOf, findingId, type SourceFinding } from '../../../shared/domain/watch/source-finding.ts';
import { countsOf, NOW_HOUR, NOW_MS, SETTINGS } from '../../support/watch-history.ts';

/*
 * Histories of chance are judged, and by oracles that go the other way: from single records, and from lists of all hours,
 * instead of sums of counters.
 */

const WEEK = 168;
const LAST = NOW_HOUR - 1;
const RUNS = 300;

/** What may become of a record. */
const fate = fc.constantFrom('landed', 'duplicates', 'quarantined', 'discarded', 'lost', 'copied');
type Fate = 'landed' | 'duplicates' | 'quarantined' | 'discarded' | 'lost' | 'copied';

/** The counters of an hour in which these became of its records. */
function tally(hour: number, fates: readonly Fate[]): HourCounts {
  const counts = { landed: 0, duplicates: 0, quarantined: 0, discarded: 0 };
  for (const each of fates) {
    if (each === 'copied') {
      counts.landed++;
      counts.duplicates++;
    } else if (each !== 'lost') counts[each]++;
  }
  return countsOf(hour, { ...counts, accepted: fates.length });
}

const judge = (
  hours: readonly HourCounts[],
  before: readonly SourceFinding[] = [],
): readonly SourceFinding[] =>
  judgeSource(
    SETTINGS,
    { hours: new Map(hours.map((each) => [each.hour, each])), costs: new Map(), before },
    NOW_MS,
    oldestJudgedHour(before, NOW_MS, 863),
  );

describe('missing records', () => {
  const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.array(fate, { maxLength: 12 })), {
    maxLength: 30,
  });

  test('are those that were lost, unless copies of the same hour hide them, hour by hour', () => {
    fc.assert(
      fc.property(history, (drawn) => {
        const byHour = new Map(drawn.map(([ago, fates]) => [NOW_HOUR - ago, fates]));
        const found = judge([...byHour].map(([hour, fates]) => tally(hour, fates)))
          .filter(({ kind }) => kind === 'completeness')
          .map(({ hour, amount }) => [hour, amount]);
        const expected = [...byHour]
          .filter(([hour]) => hour <= LAST && hour >= NOW_HOUR - WEEK)
          .map(([hour, fates]) => {
            const rest = fates.filter((each) => each === 'lost');
            for (const each of fates) if (each === 'copied') rest.pop();
            return [hour, rest.length] as const;
          })
          .filter(([, lost]) => lost > 0)
          .sort(([a], [b]) => a - b);
        expect(found).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });

  test('that are repaired in any order are told as ended once each, and those that stay not again', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 160 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11), { maxLength: 12 }),
        (agos, repairs) => {
          const open = new Map(agos.map((ago) => [NOW_HOUR - ago, 3]));
          let before: readonly SourceFinding[] = [];
          const told: string[] = [];
          const look = (): void => {
            const now = judge(
              [...open].map(([hour, lost]) => countsOf(hour, { accepted: 9, landed: 9 - lost })),
              before,
            );
            for (const { status, finding } of changesOf(before, now, 0))
              told.push(`${status} ${findingId(finding)}`);
            before = now;
          };
          look();
          look();
          const repaired = new Set<number>();
          for (const at of repairs) {
            const ago = agos[at];
            if (ago === undefined) continue;
            open.set(NOW_HOUR - ago, 0);
            repaired.add(NOW_HOUR - ago);
            look();
          }
          const name = (hour: number): string => `completeness ${String(hour)}`;
          expect(told.filter((each) => each.startsWith('new')).sort()).toEqual(
            agos.map((ago) => `new ${name(NOW_HOUR - ago)}`).sort(),
          );
          expect(told.filter((each) => !each.startsWith('new')).sort()).toEqual(
            [...repaired].map((hour) => `ended ${name(hour)}`).sort(),
          );
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('a drop of the volume', () => {
  /** The last value that at least half of the weeks reach, and the first: their mean is the median. */
  function expectedOf(weeks: readonly number[]): number | undefined {
    let known = [...weeks];
    while (known.at(-1) === 0) known = known.slice(0, -1);
    if (known.length < 2) return undefined;
    const reached = (part: (n: number) => boolean): number[] => known.filter((x) => part(x));
    const low = Math.min(...reached((x) => 2 * reached((y) => y <= x).length >= known.length));
    const high = Math.max(...reached((x) => 2 * reached((y) => y >= x).length >= known.length));
    return (low + high) / 2;
  }

  test('is found exactly where fewer came than four fifths of the median, and than chance explains', () => {
    const count = fc.oneof(fc.nat(400), fc.nat(20_000), fc.constant(0));
    fc.assert(
      fc.property(count, fc.tuple(count, count, count, count), (records, weeks) => {
        const hours = [records, ...weeks].map((accepted, week) =>
          countsOf(LAST - week * WEEK, { accepted, landed: accepted }),
        );
        const expected = expectedOf(weeks);
        const isDrop =
          expected !== undefined &&
          expected >= 100 &&
          records * 5 < expected * 4 &&
          (expected - records) ** 2 > 9 * expected;
        const found = judge(hours.filter(({ accepted }) => accepted > 0));
        expect(found.map(({ kind }) => kind)).toEqual(isDrop ? ['volume-drop'] : []);
      }),
      { numRuns: RUNS },
    );
  });
});
