import { describe, expect, test } from 'vitest';
import { beginListing, takePage, type ListingStep } from '../../../shared/domain/pull-listing.ts';
import { formatPosition, parsePosition, START } from '../../../shared/domain/pull-position.ts';

/** A page as names of records with their cursor values, such as `a1 b2`; `…` at the end: there is a next page. */
type Pages = readonly string[];

const kind = { kind: 'number', unitMs: undefined } as const;

/** Reads pages one after the other, through the position's text as a run in another process would. */
function readPages(pages: Pages, ascending: boolean, anchor = '0'): ListingStep[] {
  let listing = beginListing(anchor, 0);
  return pages.map((text, n) => {
    const names = text.replace('…', '').trim().split(' ').filter(Boolean);
    const records = names.map((name) => ({ mark: name, cursor: name.slice(1) }));
    const step = takePage(
      listing,
      { records, next: text.endsWith('…') ? String(n + 1) : undefined },
      { kind, ascending },
    );
    const next = step.kind === 'settled' ? step.next : step.listing;
    const position = parsePosition('pull/x', formatPosition({ ...START, listing: next }));
    listing = position.listing ?? beginListing(anchor, 0);
    return step;
  });
}

const last = (pages: Pages, ascending = false, anchor?: string): ListingStep | undefined =>
  readPages(pages, ascending, anchor).at(-1);

describe('a listing of unknown order', () => {
  test('of one page is complete', () => {
    expect(last(['b5 a2 c9'])).toEqual({ kind: 'settled', reached: '9', next: undefined });
  });

  test('of several pages is read again', () => {
    expect(readPages(['a1 …', 'b2'], false).map((step) => step.kind)).toEqual(['reading', 'again']);
  });

  test('settles after two readings that agree, when the first page has the highest value', () => {
    expect(last(['b9 …', 'a1', 'b9 …', 'a1'])).toMatchObject({ kind: 'settled', reached: '9' });
  });

  test('settles after three otherwise: what appeared during the first reading may be skipped by the second', () => {
    // r15 appears behind the first page of the first reading; then y1 leaves during the second, and r15 moves up.
    const two = ['y1 …', 'w20', 'y1 …', 'w20'];
    expect(last(two)?.kind).toBe('again');
    expect(last([...two, 'r15 …', 'w20'])?.kind).toBe('again');
    expect(last([...two, 'r15 …', 'w20', 'r15 …', 'w20'])).toMatchObject({ kind: 'settled', reached: '20' });
  });

  test('reaches no further than what was there when the settled reading began', () => {
    expect(last(['a1 …', 'b5', 'a1 …', 'b5 c9', 'a1 …', 'b5 c9'])).toMatchObject({
      kind: 'settled',
      reached: '5',
    });
  });

  test('does not take new records above the former reading for a change', () => {
    expect(last(['b9 …', 'a1', 'c12 b9 …', 'a1'])).toMatchObject({ kind: 'settled', reached: '9' });
  });

  test('takes a record that has left, or one that is new below, for a change', () => {
    expect(last(['b9 …', 'a1 c3', 'b9 …', 'a1'])?.kind).toBe('again');
    expect(last(['b9 …', 'a1', 'b9 …', 'a1 c3'])?.kind).toBe('again');
  });

  test('does not depend on where the pages were cut', () => {
    expect(last(['b9 a1 …', 'c3', 'b9 …', 'a1 c3'])).toMatchObject({ kind: 'settled', reached: '9' });
  });
});

describe('an ascending listing', () => {
  test('goes on from the last value of each page', () => {
    const [first, second] = readPages(['a1 b2 …', 'b2 c3'], true);
    expect(first).toMatchObject({ kind: 'settled', reached: '2', next: { anchor: '2', token: undefined } });
    expect(second).toEqual({ kind: 'settled', reached: '3', next: undefined });
  });

  test('reads further pages, and again, where one value fills a page', () => {
    const steps = readPages(['a2 b2 …', 'c2 d3 …', 'a2 b2 …', 'c2 d3 …', 'a2 b2 …', 'c2 d3 …'], true, '2');
    expect(steps.map((step) => step.kind)).toEqual([
      'reading',
      'again',
      'reading',
      'again',
      'reading',
      'settled',
    ]);
    expect(steps.at(-1)).toMatchObject({ reached: '3', next: { anchor: '3' } });
  });

  test('reaches no further than a reading came, when what was above has left', () => {
    const pages = ['a2 …', 'x9 …', 'a2 …', 'b5 …', 'a2 …', 'b5 …'];
    expect(last(pages, true, '2')).toMatchObject({ kind: 'settled', reached: '5', next: { anchor: '5' } });
  });

  test('keeps the time of its beginning from anchor to anchor', () => {
    const step = takePage(
      beginListing('0', 1234),
      { records: [{ mark: 'a', cursor: '1' }], next: '1' },
      { kind, ascending: true },
    );
    expect(step).toMatchObject({ next: { anchor: '1', startedAtMs: 1234 } });
  });

  test('starts from an initial value that is no value of the field', () => {
    expect(last(['a1 b2 …'], true, 'begin')).toMatchObject({ kind: 'settled', reached: '2' });
  });

  test('refuses records in another order', () => {
    expect(() => last(['a2 b1'], true)).toThrow(/not in ascending order of incremental.cursor \(record 1/);
  });
});

describe('a listing that is not incremental', () => {
  test('ends with its last page and is not read again', () => {
    const rules = { kind: undefined, ascending: false };
    const first = takePage(beginListing(undefined, 0), { records: [], next: '2' }, rules);
    expect(first).toMatchObject({ kind: 'reading', listing: { token: '2' } });
    if (first.kind === 'settled') return;
    expect(takePage(first.listing, { records: [], next: undefined }, rules)).toEqual({
      kind: 'settled',
      reached: undefined,
      next: undefined,
    });
  });
});
