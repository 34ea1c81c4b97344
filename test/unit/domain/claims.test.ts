import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLAIM_KEY_BYTES,
  ClaimList,
  ClaimView,
  packClaims,
  unpackClaims,
  Verdict,
} from '../../../shared/domain/claims.ts';

/** A record that wants a key; key and claimant are latin1 strings of 12 and 8 characters. */
interface Candidate {
  readonly key: string;
  readonly digest: number;
  readonly claimant: string;
  readonly index: number;
}

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

function listOf(candidates: readonly Candidate[]): ClaimList {
  const list = new ClaimList();
  for (const one of candidates) {
    const keys = Buffer.from(`??${one.key}`, 'latin1');
    list.add(Buffer.from(one.claimant, 'latin1'), keys, 2, one.digest, one.index);
  }
  return list;
}

function pack(candidates: readonly Candidate[]): Buffer {
  return packClaims(listOf(candidates), 0, candidates.length);
}

const wordsOf = ({ words, size }: ClaimList): Uint32Array => words.subarray(0, size * 7);

const VERDICT_NAMES = new Map<number | undefined, string>(
  Object.entries(Verdict).map(([name, verdict]) => [verdict, name]),
);

function decide(
  view: ClaimView,
  candidates: readonly Candidate[],
  mayClaim?: boolean,
): (string | undefined)[] {
  return [...view.decide(listOf(candidates), mayClaim)].map((verdict) => VERDICT_NAMES.get(verdict));
}

describe('packed claims', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(candidate), (claims) => {
        const unpacked = unpackClaims(pack(claims));
        expect(unpacked.size).toBe(claims.length);
        expect(wordsOf(unpacked)).toEqual(wordsOf(listOf(claims)));
      }),
    );
  });

  test('have the layout that logs hold', () => {
    const packed = pack([
      { key: 'abcdefghijkl', digest: 0x04030201, claimant: 'claimant', index: 3 },
      { key: 'mnopqrstuvwx', digest: 0xfffefdfc, claimant: 'claimant', index: 203 },
      { key: 'ABCDEFGHIJKL', digest: 5, claimant: 'another!', index: 0 },
    ]);
    const expected =
      '\x01\x02claimant\x02\x03\xc8\x01another!\x01\x00abcdefghijklmnopqrstuvwxABCDEFGHIJKL' +
      '\x01\x02\x03\x04\xfc\xfd\xfe\xff\x05\x00\x00\x00';
    expect(packed.toString('latin1')).toBe(expected);
  });

  test('take at most 17.1 bytes each in a batch of 5,000 from frames of 500', () => {
    const claims = Array.from({ length: 5_000 }, (_, i) =>
      claim(String(i), `frame ${String(Math.floor(i / 500))}`, i % 500),
    );
    expect(pack(claims).length / claims.length).toBeLessThan(17.1);
  });

  test('that are cut off or of another version are refused', () => {
    const packed = pack([claim('k', 'a')]);
    expect(() => unpackClaims(packed.subarray(0, -1))).toThrow(RangeError);
    expect(() => unpackClaims(Buffer.concat([packed, Buffer.from([0])]))).toThrow(RangeError);
    expect(() => unpackClaims(Buffer.from([2, 0]))).toThrow(/version/);
  });
});

describe('a view', () => {
  test('knows the first owner of every key, and of no other', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 300 }), candidate, (claims, other) => {
        const view = new ClaimView();
        const owners = new Map<string, Candidate>();
        view.add(pack(claims));
        for (const one of claims) if (!owners.has(one.key)) owners.set(one.key, one);
        expect(view.size).toBe(owners.size);
        for (const one of owners.values()) expect(decide(view, [one])).toEqual(['own']);
        expect(view.packTentative(1)).toEqual([]);
        const isKnown = owners.has(other.key);
        expect(decide(view, [other], false)[0] === 'absent').toBe(!isKnown);
        expect(view.packTentative(1)).toEqual([]);
        view.decide(listOf([other]));
        expect(view.packTentative(1)).toEqual(isKnown ? [] : [pack([other])]);
        expect(view.tentativeKeys()).toEqual(
          isKnown ? [] : [Buffer.from(other.key, 'latin1').toString('hex')],
        );
      }),
    );
  });

  test('of many claims takes at most 50 bytes for each', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const view = new ClaimView();
    const perItem = 10_000;
    for (let item = 1; item <= 30; item++) {
      const claims = Array.from({ length: perItem }, (_, i) =>
        claim(`${String(item)}/${String(i)}`, String(item), i),
      );
      view.add(pack(claims));
    }
    expect(view.size).toBe(30 * perItem);
    expect(decide(view, [claim('17/4711', '17', 4711)])).toEqual(['own']);
    // V8 frees the memory of dead buffers some time after the collection that found them.
    const heldBytes = async (): Promise<number> => {
      collectGarbage();
      await sleep(20);
      return process.memoryUsage().arrayBuffers - before;
    };
    await expect.poll(heldBytes, { timeout: 10_000 }).toBeLessThan(50 * view.size);
    expect(await heldBytes()).toBeGreaterThan(24 * view.size);
    expect(view.size).toBe(30 * perItem);
  });

  test('forgets what it gave away when that is withdrawn, and packs it in order until it is confirmed', () => {
    const view = new ClaimView();
    view.add(pack([claim('k0', 'a')]));
    const wanted = Array.from({ length: 500 }, (_, i) => claim(`k${String(i)}`, 'b', i));
    expect(decide(view, wanted).filter((verdict) => verdict === 'own')).toHaveLength(499);
    expect(view.packTentative(200)).toEqual([
      pack(wanted.slice(1, 201)),
      pack(wanted.slice(201, 401)),
      pack(wanted.slice(401)),
    ]);
    // Another writer was first.
    view.withdraw();
    expect(view.size).toBe(1);
    expect(view.packTentative(200)).toEqual([]);
    view.add(pack([claim('k300', 'other')]));
    expect(decide(view, wanted)).toEqual(wanted.map((_, i) => (i === 0 || i === 300 ? 'duplicate' : 'own')));
    expect(view.packTentative(1000)).toEqual([pack(wanted.filter((_, i) => i > 0 && i !== 300))]);
    view.confirm();
    expect(view.packTentative(1000)).toEqual([]);
    view.withdraw();
    expect(view.size).toBe(500);
  });

  test('that was confirmed knows the same as one that reads the same log', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(candidate, { maxLength: 20 }), { maxLength: 4 }),
        candidate,
        (batches, one) => {
          const writer = new ClaimView();
          const reader = new ClaimView();
          for (const batch of batches) {
            decide(writer, batch);
            for (const packed of writer.packTentative(3)) reader.add(packed);
            writer.confirm();
          }
          expect(reader.size).toBe(writer.size);
          expect(decide(reader, [one])).toEqual(decide(writer, [one]));
        },
      ),
    );
  });
});

describe('a decision', () => {
  test('gives a key to the first candidate only', () => {
    const verdicts = decide(new ClaimView(), [claim('k', 'a', 0), claim('k', 'a', 1), claim('k', 'b', 0)]);
    expect(verdicts).toEqual(['own', 'duplicate', 'duplicate']);
  });

  test('tells the same key with another payload from a duplicate', () => {
    const view = new ClaimView();
    view.add(pack([claim('k', 'a', 0, 7)]));
    expect(decide(view, [claim('k', 'b', 0, 7), claim('k', 'b', 1, 8)])).toEqual(['duplicate', 'conflict']);
  });

  test('recognises the claim of an earlier delivery of the same record, once', () => {
    const view = new ClaimView();
    view.add(pack([claim('k', 'page')]));
    expect(decide(view, [claim('k', 'page'), claim('k', 'page')])).toEqual(['own', 'duplicate']);
  });

  test('takes the same candidate twice in a batch for two records', () => {
    expect(decide(new ClaimView(), [claim('k', 'page'), claim('k', 'page')])).toEqual(['own', 'duplicate']);
  });

  test('keeps the first claim in the order of the log', () => {
    const view = new ClaimView();
    view.add(pack([claim('k', 'a')]));
    view.add(pack([claim('k', 'b')]));
    expect(decide(view, [claim('k', 'b')])).toEqual(['duplicate']);
    expect(decide(view, [claim('k', 'a')])).toEqual(['own']);
  });

  test('keeps one record per key whatever the order of batches, and the same one when they are delivered again', () => {
    fc.assert(
      fc.property(fc.array(fc.array(candidate, { maxLength: 8 }), { maxLength: 6 }), (input) => {
        // Each record has one identity: batches are made of distinct (claimant, index).
        const batches = input.map((batch, b) =>
          batch.map((one, index) => ({ ...one, claimant: `batch ${String(b)}.`, index })),
        );
        const view = new ClaimView();
        const kept = new Map<string, string>();
        for (const batch of batches) {
          const verdicts = decide(view, batch);
          view.confirm();
          batch.forEach((one, i) => {
            if (verdicts[i] !== 'own') return;
            expect(kept.has(one.key)).toBe(false);
            kept.set(one.key, `${one.claimant}/${String(one.index)}`);
          });
        }
        expect(new Set(kept.keys())).toEqual(new Set(batches.flat().map((one) => one.key)));
        for (const batch of batches) {
          decide(view, batch).forEach((verdict, i) => {
            const one = batch[i];
            if (one === undefined) return;
            expect(verdict === 'own').toBe(kept.get(one.key) === `${one.claimant}/${String(one.index)}`);
          });
        }
      }),
    );
  });
});
