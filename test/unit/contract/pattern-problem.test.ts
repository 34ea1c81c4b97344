import { describe, expect, test } from 'vitest';
import { patternProblem } from '../../../shared/domain/pattern-problem.ts';

describe('patterns', () => {
  test.each([
    '^[A-Z]{3}$',
    '^[a-z0-9]+(?:-[a-z0-9]+)*$',
    '^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$',
    '^(?:foo|bar|baz)$',
    '^\\+?[1-9]\\d{1,14}$',
    '^\\d{4}-\\d{2}-\\d{2}$',
    '^(?<year>\\d{4})/\\d+$',
    '^[^/]+/[^/]+$',
    '^#[\\da-f]{6}\\b',
    '[A-Z]{3}',
    'foo',
    '^a.*$',
    '^[\\]\\-a]+$',
    '^\\u0041\\x42$',
    '',
  ])('%j is accepted', (pattern) => {
    expect(patternProblem(pattern, undefined)).toBeUndefined();
  });

  test.each([
    ['nested loops', '^(a+)+$'],
    ['nested loops with a class', '^([a-z]+)*$'],
    ['alternatives that overlap in a loop', '^(a|a)*$'],
    ['alternatives that begin alike in a loop', '^(a|ab)*c'],
    ['neighbours that overlap', '^\\d+\\d+$'],
    ['a loop that can be empty', '^(a*)*$'],
    ['a bounded explosion', '^(a?){30}a{30}$'],
    ['a bounded explosion of alternatives', '^(a|a){30}$'],
    ['white space at the end', '\\s+$'],
    ['anything around', '^.*foo.*bar.*$'],
    ['a loop at any place', '\\d+x'],
    ['one branch without an anchor', '^a+$|b+$'],
    ['ignorable classes that overlap', '^(\\w|\\d)+$'],
    ['a negated class that overlaps', '^([^x]|y)+$'],
  ])('%s: %s is refused', (_name, pattern) => {
    expect(patternProblem(pattern, undefined)).toContain('could take very long');
  });

  test.each([
    ['look-ahead', '^(?=a)b'],
    ['look-behind', '^(?<!a)b'],
    ['a back reference', '^(a)\\1$'],
    ['a named back reference', '^(?<x>a)\\k<x>$'],
    ['a property class', '^\\p{L}+$'],
    ['an emoji', '^😀+$'],
    ['a code point escape', '^\\u{1f600}$'],
    ['a long repetition', '^a{3000}$'],
  ])('%s cannot be proved to be fast', (_name, pattern) => {
    expect(patternProblem(pattern, undefined)).toContain('cannot be proved to be fast');
  });

  test('what is not a regular expression is refused', () => {
    for (const pattern of ['(', '[a', 'a{2,1}', '\\q']) {
      expect(patternProblem(pattern, undefined)).toContain('is not a regular expression');
    }
  });

  test('maxLength bounds a loop at any place, and an ambiguous one only where it is short', () => {
    expect(patternProblem('\\d+x', 100)).toBeUndefined();
    expect(patternProblem('\\d+x', 101)).toContain('could take very long');
    expect(patternProblem('^\\d+\\d+$', 8)).toBeUndefined();
    expect(patternProblem('^\\d+\\d+$', 200)).toContain('could take very long');
    expect(patternProblem('^(a+)+$', 100)).toContain('could take very long');
  });

  test('what is accepted runs fast on a text that is made to be slow', () => {
    for (const pattern of ['^[a-z0-9]+(?:-[a-z0-9]+)*$', '^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$', '^[^/]+/[^/]+$']) {
      const compiled = new RegExp(pattern, 'u');
      const startMs = performance.now();
      for (const text of ['a'.repeat(200_000), 'a-'.repeat(100_000), 'a@a.'.repeat(50_000)])
        compiled.test(`${text}!`);
      expect(performance.now() - startMs).toBeLessThan(1000);
    }
  });
});
