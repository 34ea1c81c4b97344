import { describe, expect, test } from 'vitest';
import { formatPosition, START, type PullPosition } from '../../../shared/domain/pull-position.ts';
import { planPullBackfill, pullWindowStart } from '../../../shared/pipeline/backfill/plan-pull-backfill.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';

const MS = Date.UTC(2025, 0, 31);
type Incremental = NonNullable<HttpSourceInput['incremental']>;

const declare = (changed: Partial<Incremental> = {}, source: Partial<HttpSourceInput> = {}) =>
  declareHttp({
    incremental: {
      ...{ cursor: 'ts', parameter: 'since', endParameter: 'until', initialValue: String(MS) },
      ...changed,
    },
    ...source,
  });
const withText = (format: string) =>
  ({
    eventTime: undefined,
    contract: {
      schema: {
        type: 'object',
        required: ['id', 'version', 'ts'],
        properties: { id: { type: 'integer' }, version: { type: 'integer' }, ts: { type: 'string', format } },
      },
    },
  }) satisfies Partial<HttpSourceInput>;
const at = (since: string, more: Partial<PullPosition> = {}): string =>
  formatPosition({ ...START, since, ...more });
const asked = (from: string, to: string, step = '1 day') => ({ from, to, step });

describe('what a backfill of an API reads', () => {
  test.each([
    [
      'ends where the runs begin that have not read yet',
      declare(),
      asked('2025-01-29', '2025-03-01'),
      undefined,
      String(MS),
      2,
    ],
    [
      'ends where the next run begins to read',
      declare(),
      asked('2025-01-29', '2025-03-01'),
      at(String(MS + 1)),
      String(MS + 1),
      3,
    ],
    [
      'ends where it is asked to',
      declare(),
      asked('2025-01-29', '2025-01-30', '6 hours'),
      undefined,
      String(MS - 86_400_000),
      4,
    ],
    [
      'begins no second before what an API that takes seconds is asked for',
      declare({ format: 'epoch-seconds' }),
      asked('2025-01-30', '2025-03-01'),
      at(String(MS + 1999)),
      String(MS + 1000),
      2,
    ],
    [
      'and no day before, where it takes days',
      declare({ format: 'date' }),
      asked('2025-01-30', '2025-03-01'),
      at(String(MS + 1999)),
      String(MS),
      1,
    ],
    [
      'reads times as records write them',
      declare({ initialValue: '2025-01-31T00:00:00Z' }, withText('date-time')),
      asked('2025-01-30', '2025-01-30T12:00:00.123456Z', '6 hours'),
      undefined,
      '2025-01-30T12:00:00.123456Z',
      3,
    ],
    [
      'reads dates',
      declare({ initialValue: '2025-01-31' }, withText('date')),
      asked('2025-01-01', '2025-02-28', '7 days'),
      undefined,
      '2025-01-31',
      5,
    ],
    [
      'reads everything at once where it can neither be asked for an end nor stops at one',
      declare({ endParameter: undefined }),
      asked('2025-01-01', '2025-02-28'),
      undefined,
      String(MS),
      1,
    ],
    [
      'stops at the end of a window where the API lists in order',
      declare({ endParameter: undefined, order: 'ascending' }),
      asked('2025-01-01', '2025-02-28', '10 days'),
      undefined,
      String(MS),
      3,
    ],
    [
      'counts in numbers where the cursor is one',
      declare({ endParameter: undefined, order: 'ascending', cursor: 'version', initialValue: '100' }),
      asked('0', '95', '10'),
      undefined,
      '95',
      10,
    ],
  ] as const)('%s', (_, source, range, position, to, windows) => {
    expect(planPullBackfill(source, range, position)).toMatchObject({ to, windows });
  });

  test('its windows follow each other without a gap', () => {
    const source = declare({ initialValue: '2025-01-31T00:00:00Z' }, withText('date-time'));
    const range = { from: '2025-01-30T00:00:00.123456Z', step: '6 hours' };
    expect([0, 1, 2].map((window) => pullWindowStart(source, range, window))).toEqual([
      '2025-01-30T00:00:00.123456Z',
      '2025-01-30T06:00:00.123Z',
      '2025-01-30T12:00:00.123Z',
    ]);
  });

  test.each([
    [
      'nothing is left of the range',
      declare(),
      asked('2025-02-01', '2025-03-01'),
      /go on at \d+, and read everything from there/,
    ],
    [
      'it ends before it begins',
      declare(),
      asked('2025-01-02', '2025-01-01'),
      /--from 2025-01-02 is not before --to/,
    ],
    [
      'a bound is no time',
      declare(),
      asked('yesterday', '2025-01-01'),
      /--from "yesterday" is no value of ts.*2025-01-31T08:00:00Z/,
    ],
    [
      'a bound is no date',
      declare({ initialValue: '2025-01-31' }, withText('date')),
      asked('2025-01-01', '2025-01-02T00:00:00Z'),
      /give a date, such as/,
    ],
    [
      'a bound is no number',
      declare({ endParameter: undefined, order: 'ascending', cursor: 'version', initialValue: '1' }),
      asked('x', '9', '1'),
      /give a whole number/,
    ],
    [
      'a window is no duration',
      declare(),
      asked('2025-01-01', '2025-01-02', '5'),
      /--window "5" must be a duration/,
    ],
    [
      'a window is no whole number of days',
      declare({ initialValue: '2025-01-31' }, withText('date')),
      asked('2025-01-01', '2025-01-09', '36 hours'),
      /such as "1 day"/,
    ],
    [
      'there are too many windows',
      declare(),
      asked('2020-01-01', '2025-01-01', '1 minute'),
      /more than 5000 windows/,
    ],
    ['every run reads everything', declareHttp(), asked('2025-01-01', '2025-01-02'), /has no `incremental`/],
    [
      'the first run begins at no value of the cursor',
      declare({ initialValue: '0' }, withText('date-time')),
      asked('2025-01-01', '2025-01-02'),
      /first run has not landed anything/,
    ],
  ] as const)('is refused where %s', (_, source, range, problem) => {
    expect(() => planPullBackfill(source, range, undefined)).toThrow(problem);
  });
});
