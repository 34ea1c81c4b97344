import { describe, expect, test } from 'vitest';
import { BatchSize } from '../../../shared/pipeline/table/batch-size.ts';

/** What a reader reads until `rows` have landed where no commit may have more than `most` of them. */
function land(
  size: BatchSize,
  rows: number,
  most: number,
): { readonly reads: number; readonly commits: number } {
  let reads = 0;
  let commits = 0;
  for (let left = rows; left > 0;) {
    const offered = Math.min(left, size.next(commits) ?? left);
    reads++;
    size.offered(commits, offered);
    if (offered > most) continue;
    left -= offered;
    commits++;
  }
  return { reads, commits };
}

describe('the rows of a commit', () => {
  test('are all that are there, as long as that fits', () => {
    expect(land(new BatchSize(), 1_000_000, 1_000_000)).toEqual({ reads: 1, commits: 1 });
  });

  test('are no more than may be named', () => {
    expect(land(new BatchSize(1_000), 10_000, 5_000)).toEqual({ reads: 10, commits: 10 });
  });

  test('stay as few as fitted: rows are not read several times for each commit', () => {
    const { reads, commits } = land(new BatchSize(), 1_000_000, 1_000);
    expect(commits).toBeGreaterThanOrEqual(1_000);
    expect(reads).toBeLessThan(commits * 1.2);
  });

  test('become more again where more fit', () => {
    const size = new BatchSize();
    land(size, 100_000, 100);
    const { commits } = land(size, 1_000_000, 1_000_000);
    expect(commits).toBeLessThan(120);
  });

  test('are one at least', () => {
    expect(land(new BatchSize(), 3, 1)).toEqual({ reads: 4, commits: 3 });
  });
});
