import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../../shared/domain/candidate.ts';
import {
  CLAIM_KEY_BYTES,
  createClaimView,
  decideClaims,
  packClaims,
  unpackClaims,
} from '../../../shared/domain/claims.ts';

const latin1 = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => Buffer.from(array).toString('latin1'));

const candidate: fc.Arbitrary<Candidate> = fc.record({
  key: fc.oneof(latin1(CLAIM_KEY_BYTES), fc.constantFrom('aaaaaaaaaaaa', 'bbbbbbbbbbbb')),
  digest: fc.oneof(fc.constantFrom(1, 2), fc.nat(0xffffffff)),
  claimant: fc.oneof(latin1(8), fc.constantFrom('claimant', 'another!')),
  index: fc.oneof(fc.nat(5), fc.nat(10_000)),
});

const key = (name: string): string => name.padEnd(CLAIM_KEY_BYTES, '.');
const claim = (name: string, claimant: string, index = 0, digest = 7): Candidate => ({
  key: key(name),
  digest,
  claimant: claimant.padEnd(8, '.'),
  index,
});

describe('packed claims', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(candidate), (claims) => {
        expect(unpackClaims(packClaims(claims))).toEqual(claims);
      }),
    );
  });

  test('take at most 17.1 bytes each in a batch of 5,000 from frames of 500', () => {
    const claims = Array.from({ length: 5_000 }, (_, i) =>
      claim(String(i), `frame ${String(Math.floor(i / 500))}`, i % 500),
    );
    expect(packClaims(claims).length / claims.length).toBeLessThan(17.1);
  });

  test('that are cut off or of another version are refused', () => {
    const packed = packClaims([claim('k', 'a')]);
    expect(() => unpackClaims(packed.subarray(0, -1))).toThrow(RangeError);
    expect(() => unpackClaims(Buffer.concat([packed, Buffer.from([0])]))).toThrow(RangeError);
    expect(() => unpackClaims(Buffer.from([2, 0]))).toThrow(/version/);
  });
});

describe('a view', () => {
  test('knows the first owner of every key, and of no other', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 300 }), candidate, (claims, other) => {
        const view = createClaimView();
        const owners = new Map<string, Candidate>();
        view.addClaims(1, claims);
        for (const one of claims) if (!owners.has(one.key)) owners.set(one.key, one);
        expect(view.size).toBe(owners.size);
        for (const one of [...claims, other]) expect(view.ownerOf(one.key)).toEqual(owners.get(one.key));
      }),
    );
  });

  test('of many claims takes at most 50 bytes for each', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const view = createClaimView();
    const perItem = 10_000;
    for (let item = 1; item <= 30; item++) {
      const claims = Array.from({ length: perItem }, (_, i) =>
        claim(`${String(item)}/${String(i)}`, String(item), i),
      );
      view.addClaims(item, claims);
    }
    expect(view.size).toBe(30 * perItem);
    expect(view.ownerOf(key('17/4711'))).toEqual(claim('17/4711', '17', 4711));
    collectGarbage();
    const bytes = process.memoryUsage().arrayBuffers - before;
    expect(bytes).toBeGreaterThan(24 * view.size);
    expect(bytes).toBeLessThan(50 * view.size);
  });
});

describe('decideClaims', () => {
  test('gives a key to the first candidate only', () => {
    const verdicts = decideClaims(createClaimView(), [
      claim('k', 'a', 0),
      claim('k', 'a', 1),
      claim('k', 'b', 0),
    ]);
    expect(verdicts).toEqual(['new', 'duplicate', 'duplicate']);
  });

  test('tells the same key with another payload from a duplicate', () => {
    const view = createClaimView();
    view.add(1, packClaims([claim('k', 'a', 0, 7)]));
    expect(decideClaims(view, [claim('k', 'b', 0, 7), claim('k', 'b', 1, 8)])).toEqual([
      'duplicate',
      'conflict',
    ]);
  });

  test('recognises the claim of an earlier delivery of the same record, once', () => {
    const view = createClaimView();
    view.add(1, packClaims([claim('k', 'page')]));
    expect(decideClaims(view, [claim('k', 'page'), claim('k', 'page')])).toEqual(['own', 'duplicate']);
  });

  test('keeps the first claim in the order of the log', () => {
    const view = createClaimView();
    view.add(1, packClaims([claim('k', 'a')]));
    view.add(2, packClaims([claim('k', 'b')]));
    expect(decideClaims(view, [claim('k', 'b')])).toEqual(['duplicate']);
    expect(decideClaims(view, [claim('k', 'a')])).toEqual(['own']);
  });

  test('keeps one record per key whatever the order of batches, and the same one when they are delivered again', () => {
    fc.assert(
      fc.property(fc.array(fc.array(candidate, { maxLength: 8 }), { maxLength: 6 }), (input) => {
        // Each record has one identity: batches are made of distinct (claimant, index).
        const batches = input.map((batch, b) =>
          batch.map((one, index) => ({ ...one, claimant: `batch ${String(b)}.`, index })),
        );
        const view = createClaimView();
        const kept = new Map<string, string>();
        batches.forEach((batch, b) => {
          const verdicts = decideClaims(view, batch);
          view.add(b + 1, packClaims(batch.filter((_, i) => verdicts[i] === 'new')));
          batch.forEach((one, i) => {
            if (verdicts[i] === 'new' || verdicts[i] === 'own') {
              expect(kept.has(one.key)).toBe(false);
              kept.set(one.key, `${one.claimant}/${String(one.index)}`);
            }
          });
        });
        expect(new Set(kept.keys())).toEqual(new Set(batches.flat().map((one) => one.key)));
        for (const batch of batches) {
          decideClaims(view, batch).forEach((verdict, i) => {
            const one = batch[i];
            if (one === undefined) return;
            expect(verdict === 'own').toBe(kept.get(one.key) === `${one.claimant}/${String(one.index)}`);
          });
        }
      }),
    );
  });
});
