import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommittedRange, LedgerStore } from '../../../shared/ports/ledger-store.ts';

/** Sequence numbers of one digit and of 56, neighbours and far apart. */
const sequenceNumber = fc.oneof(
  fc.bigInt({ min: 0n, max: 120n }),
  fc.bigInt({ min: 0n, max: 30n }).map((low) => 10n ** 20n - 15n + low),
  fc.bigInt({ min: 0n, max: 30n }).map((low) => 49590n * 10n ** 51n + low),
  fc.bigInt({ min: 0n, max: 10n ** 56n }),
);

/** What happens on a shard's lane and on the lane of its replays; `share` of the positions ahead are taken. */
const step = fc.record({
  does: fc.constantFrom(
    'commit' as const,
    'commit' as const,
    'announce and commit' as const,
    'announce and abort' as const,
    'cede' as const,
    'replay' as const,
    'replay' as const,
    'commit by a writer that is behind' as const,
  ),
  skip: fc.nat({ max: 2 }),
  take: fc.integer({ min: 1, max: 4 }),
});

interface OracleRange {
  readonly from: bigint;
  readonly to: bigint;
}

const toNumbers = ({ from, to }: CommittedRange): OracleRange => ({ from: BigInt(from), to: BigInt(to) });

/** All ranges that share a number with the span, by comparing every one of them. */
function overlapping(ranges: readonly OracleRange[], from: bigint, to: bigint): readonly OracleRange[] {
  return ranges
    .filter((range) => !(range.to < from || range.from > to))
    .toSorted((a, b) => (a.from < b.from ? -1 : 1));
}

/** The range log of a ledger, for every implementation: compared with a plain list of everything that was committed. */
export function rangeLogProperty(open: () => LedgerStore, numRuns: number): void {
  describe('the range log', () => {
    test('of random commits, cedes and replays holds what was committed, each position once', async () => {
      let spansWithSeveral = 0;
      let replayed = 0;
      const spans = fc.array(fc.tuple(sequenceNumber, sequenceNumber), { minLength: 4, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(sequenceNumber, { minLength: 6, maxLength: 40 }),
          fc.array(step, { minLength: 3, maxLength: 12 }),
          spans,
          async (numbers, steps, asked) => {
            const positions = numbers.toSorted((a, b) => (a < b ? -1 : 1));
            const store = open();
            const main = `kinesis/ingest/${randomUUID()}`;
            const replay = `replay/${main}`;
            const committed = { main: [] as OracleRange[], replay: [] as OracleRange[] };
            /** Indices of positions that were given up on the main lane and are in no range. */
            let missing: number[] = [];
            let next = 0;
            let versions = { main: 0, replay: 0 };
            for (const { does, skip, take } of steps) {
              if (does === 'replay') {
                const at = missing[Math.min(skip, missing.length - 1)];
                if (at === undefined) continue;
                let end = at;
                while (missing.includes(end + 1) && end + 1 < at + take) end++;
                const range = { from: positions[at] ?? 0n, to: positions[end] ?? 0n };
                expect(await store.commit(replay, versions.replay, commitOf(range), randomUUID())).toBe('ok');
                versions = { ...versions, replay: versions.replay + 1 };
                committed.replay.push(range);
                missing = missing.filter((index) => index < at || index > end);
                replayed++;
                continue;
              }
              const from = next + (does === 'cede' ? 0 : skip);
              const end = Math.min(from + take, positions.length) - 1;
              const range = { from: positions[from] ?? 0n, to: positions[end] ?? 0n };
              if (end < from) continue;
              if (does === 'commit by a writer that is behind') {
                if (versions.main === 0) continue;
                const late = store.commit(main, versions.main - 1, commitOf(range), randomUUID());
                expect(await late).toBe('conflict');
                continue;
              }
              let version = versions.main;
              if (does.startsWith('announce')) {
                expect(await store.announce(main, version++, intentOf(range), randomUUID())).toBe('ok');
              }
              if (does === 'announce and abort') {
                expect(await store.abort(main, version++, randomUUID())).toBe('ok');
              } else if (does === 'cede') {
                expect(await store.cede(main, version++, String(range.to), randomUUID())).toBe('ok');
                for (let index = from; index <= end; index++) missing.push(index);
                next = end + 1;
              } else {
                expect(await store.commit(main, version++, commitOf(range), randomUUID())).toBe('ok');
                committed.main.push(range);
                next = end + 1;
              }
              versions = { ...versions, main: version };
            }
            const everything: [bigint, bigint] = [0n, 10n ** 57n];
            for (const [a, b] of [...asked, everything]) {
              const [from, to] = a < b ? [a, b] : [b, a];
              for (const lane of ['main', 'replay'] as const) {
                const name = lane === 'main' ? main : replay;
                const found = await store.rangesOverlapping(name, String(from), String(to));
                const expected = overlapping(committed[lane], from, to);
                expect(found.map(toNumbers)).toEqual(expected);
                if (expected.length > 1) spansWithSeveral++;
              }
            }
            const all = [
              ...(await store.rangesOverlapping(main, '0', String(10n ** 57n))),
              ...(await store.rangesOverlapping(replay, '0', String(10n ** 57n))),
            ].map(toNumbers);
            for (const position of positions) {
              expect(overlapping(all, position, position).length).toBeLessThanOrEqual(1);
            }
          },
        ),
        { numRuns },
      );
      // Far below the means (2.2 and 0.47 a run): what is asked is that the cases occur, not how the dice fall.
      expect(spansWithSeveral).toBeGreaterThan(numRuns / 20);
      expect(replayed).toBeGreaterThan(numRuns / 20);
    });
  });
}

function commitOf({ from, to }: OracleRange): CommittedRange {
  return { from: String(from), to: String(to), records: 1, keys: 0 };
}

function intentOf({ from, to }: OracleRange): Parameters<LedgerStore['announce']>[2] {
  return {
    from: String(from),
    to: String(to),
    objects: [],
    records: 1,
    configVersion: 'c',
    owner: 'o',
    leaseUntilMs: 0,
  };
}
