import { describe, expect, test } from 'vitest';
import { evaluateMath } from '../../support/cloudwatch/metric-math.ts';

const range = { fromMs: 0, toMs: 5, periodMs: 1 };

/** One value per period, as the documentation writes series; - is missing. */
const series = (text: string): Map<number, number> =>
  new Map(text.split(' ').flatMap((value, i) => (value === '-' ? [] : [[i, Number(value)]])));

function evaluate(expression: string, of: Readonly<Record<string, string>>, fillsEmptySeries = true): string {
  const known = new Map(Object.entries(of).map(([id, text]) => [id, series(text)]));
  const result = evaluateMath(expression, known, range, { fillsEmptySeries });
  return Array.from({ length: 5 }, (_, i) => String(result.get(i) ?? '-')).join(' ');
}

/** Examples of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html */
describe('as documented', () => {
  const compared = { metric1: '30 20 0 0', metric2: '20 - 20 -' };
  test.each([
    ['metric1 < metric2', compared, '0 0 1 0 -'],
    ['metric1 >= 30', compared, '1 0 0 0 -'],
    ['metric1 > 15 AND metric2 > 15', compared, '1 0 0 0 -'],
    ['IF(m1, m2, m3)', { m1: '1 1 0 0 -', m2: '30 - 0 0 30', m3: '0 0 20 - 20' }, '30 0 20 - -'],
    ['IF(m1, 5, m3)', { m1: '1 1 0 0 -', m3: '0 0 20 - 20' }, '5 5 20 - -'],
    ['IF(m1, m2, 5)', { m1: '1 1 0 0 -', m2: '30 - 0 0 30' }, '30 0 5 5 -'],
    // A missing value counts as 0, and what is divided by 0 has no value.
    ['a + b', { a: '1 - 3 -', b: '10 20 - -' }, '11 20 3 - -'],
    ['a / b', { a: '1 - 3 -', b: '10 20 - -' }, '0.1 0 - - -'],
  ])('%s', (expression, of, expected) => {
    expect(evaluate(expression, of)).toBe(expected);
  });
});

test('operators bind as everywhere', () => {
  expect(evaluate('100 * (a + -b) / (2 * c) - 1', { a: '5 5 5 5 5', b: '1 1 1 1 1', c: '2 2 2 2 2' })).toBe(
    '99 99 99 99 99',
  );
});

test('FILL gives a value for each period; of a metric without any it may give none', () => {
  expect(evaluate('FILL(a, 0)', { a: '1 - - 4 -' })).toBe('1 0 0 4 0');
  expect(evaluate('FILL(a, 7)', { a: '- - - - -' })).toBe('7 7 7 7 7');
  expect(evaluate('FILL(a, 7)', { a: '- - - - -' }, false)).toBe('- - - - -');
});

test.each(['a +', 'AVG(a)', 'a b', 'a ? b', 'FILL(a)', 'unknown + a', '1 + 1'])(
  '%s is refused',
  (expression) => {
    expect(() => evaluate(expression, { a: '1', b: '1' })).toThrow();
  },
);
