import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ClaimLog, LogEntry, NewLogEntry } from '../../shared/ports/claim-log.ts';
import type { Subject } from './subject.ts';

const WRITERS = 20;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/** What claiming relies on, whatever the log is made of. */
export function claimLogContract(subject: Subject<ClaimLog>): void {
  describe('claim log', () => {
    test('an unknown bucket has no entries', async () => {
      const log = await subject.open();
      expect(await log.read(newBucket(), 0)).toEqual([]);
    });

    test('entries are read in the order of their numbers with their exact bytes, above a number', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 12 }, () => randomBytes(64));
      for (const [i, bytes] of packed.entries())
        expect(await log.append(bucket, i + 1, await entryOf(log, [bytes]))).toBe('ok');
      const read = async (after: number): Promise<[number, string[]][]> =>
        (await log.read(bucket, after)).map((entry) => [entry.number, packedOf(entry)]);
      const expected = packed.map((bytes, i): [number, string[]] => [i + 1, [hex(bytes)]]);
      expect(await read(0)).toEqual(expected);
      expect(await read(9)).toEqual(expected.slice(9));
      expect(await read(12)).toEqual([]);
    });

    test('an entry is read with its writer and the expiry that it was appended with', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const entry = await entryOf(log, [randomBytes(8)]);
      await log.append(bucket, 1, entry);
      const [read] = await log.read(bucket, 0);
      expect(read?.writer).toBe(entry.writer);
      // A log may count in whole seconds.
      expect(expiryOf(read)).toBeGreaterThanOrEqual(expiryOf(entry));
      expect(expiryOf(read)).toBeLessThan(expiryOf(entry) + 1000);
    });

    test('large claims and claims in several parts come back as they were stored', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const parts = [randomBytes(200_000), randomBytes(3), randomBytes(80_000)];
      await log.append(bucket, 1, await entryOf(log, parts));
      await log.append(bucket, 2, await entryOf(log, [randomBytes(20), randomBytes(20)]));
      const [first, second] = await log.read(bucket, 0);
      expect(packedOf(first)).toEqual(parts.map(hex));
      expect(packedOf(second)).toHaveLength(2);
    });

    test('a bucket of many megabytes is read completely', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 12 }, () => [randomBytes(200_000)]);
      for (const [i, parts] of packed.entries()) await log.append(bucket, i + 1, await entryOf(log, parts));
      const entries = await log.read(bucket, 0);
      expect(entries.map(({ number }) => number)).toEqual(packed.map((_, i) => i + 1));
      expect(entries.map(packedOf)).toEqual(packed.map((parts) => parts.map(hex)));
      expect(await log.read(bucket, 10)).toHaveLength(2);
    });

    test('claims that were stored and not appended are not seen', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const stored = await log.store([randomBytes(5_000)], Date.now() + WEEK_MS);
      expect(await log.read(bucket, 0)).toEqual([]);
      const entry = { kind: 'claims', claims: stored, expiresAtMs: Date.now() + WEEK_MS } as const;
      await log.append(bucket, 1, await entryOf(log, [randomBytes(8)]));
      expect(await log.append(bucket, 1, { ...entry, writer: randomUUID() })).toBe('conflict');
      expect(await log.append(bucket, 2, { ...entry, writer: randomUUID() })).toBe('ok');
      expect(await log.read(bucket, 0)).toHaveLength(2);
    });

    test('buckets do not see each other, also when one name begins with the other', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      await log.append(`${bucket}#1`, 1, await entryOf(log, [randomBytes(8)]));
      expect(await log.read(bucket, 0)).toEqual([]);
      expect(await log.append(bucket, 1, await entryOf(log, [randomBytes(8)]))).toBe('ok');
    });

    test.each([32, 2_000])(
      'of many simultaneous appends of one number exactly one wins, and its %i bytes stand',
      async (bytes) => {
        const log = await subject.open();
        const bucket = newBucket();
        const packed = Array.from({ length: WRITERS }, () => randomBytes(bytes));
        const results = await Promise.all(
          packed.map(async (part) => log.append(bucket, 1, await entryOf(log, [part]))),
        );
        expect(results.filter((result) => result === 'ok')).toHaveLength(1);
        const entries = await log.read(bucket, 0);
        expect(entries.map(packedOf)).toEqual([[hex(packed[results.indexOf('ok')] ?? [])]]);
      },
    );

    test('writers that read again after each conflict all get in, and the numbers have no gaps', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 10 }, () => randomBytes(1_000));
      await Promise.all(
        packed.map(async (bytes) => {
          const entry = await entryOf(log, [bytes]);
          for (let last = 0; ;) {
            last = (await log.read(bucket, last)).at(-1)?.number ?? last;
            if ((await log.append(bucket, last + 1, entry)) === 'ok') return;
          }
        }),
      );
      const entries = await log.read(bucket, 0);
      expect(entries.map(({ number }) => number)).toEqual(packed.map((_, i) => i + 1));
      expect(entries.flatMap(packedOf).sort()).toEqual(packed.map(hex).sort());
    });

    test('an append whose answer was lost and that is repeated answers ok, once', async () => {
      const log = await subject.openLosingAnswers();
      const bucket = newBucket();
      const results = await Promise.all(
        Array.from({ length: 8 }, async () => log.append(bucket, 1, await entryOf(log, [randomBytes(8)]))),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      expect(await log.read(bucket, 0)).toHaveLength(1);
    });

    test('a repetition by another writer is a conflict even with the same bytes', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const entry = await entryOf(log, [randomBytes(8)]);
      expect(await log.append(bucket, 1, entry)).toBe('ok');
      expect(await log.append(bucket, 1, entry)).toBe('ok');
      expect(await log.append(bucket, 1, { ...entry, writer: randomUUID() })).toBe('conflict');
    });

    test('what was stored does not change when the caller uses its buffer again', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const parts = [randomBytes(8), randomBytes(2_000)];
      const before = parts.map(hex);
      for (const [i, part] of parts.entries()) await log.append(bucket, i + 1, await entryOf(log, [part]));
      for (const part of parts) part.fill(0);
      expect((await log.read(bucket, 0)).flatMap(packedOf)).toEqual(before);
    });

    test('an append that follows an entry succeeds only while that very entry stands there', async () => {
      for (const open of [() => subject.open(), () => subject.openLosingAnswers()]) {
        const log = await open();
        const bucket = newBucket();
        const first = await entryOf(log, [randomBytes(8)]);
        const next = async (follows: string): Promise<NewLogEntry> => ({
          ...(await entryOf(log, [randomBytes(8)])),
          follows,
        });
        expect(await log.append(bucket, 2, await next(first.writer))).toBe('conflict');
        await log.append(bucket, 1, first);
        expect(await log.append(bucket, 2, await next('another'))).toBe('conflict');
        const second = await next(first.writer);
        expect(await log.append(bucket, 2, second)).toBe('ok');
        expect(await log.append(bucket, 2, second)).toBe('ok');
        expect(await log.append(bucket, 2, await next(first.writer))).toBe('conflict');
        expect(await log.read(bucket, 0)).toHaveLength(2);
      }
    });

    test('a bucket that is closed says so to everybody who reads it', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      await log.append(bucket, 1, await entryOf(log, [randomBytes(8)]));
      expect(await log.append(bucket, 2, { kind: 'closed', writer: 'w' })).toBe('ok');
      expect(await log.append(bucket, 2, { kind: 'closed', writer: 'w' })).toBe('ok');
      expect(await log.append(bucket, 2, await entryOf(log, [randomBytes(8)]))).toBe('conflict');
      expect((await log.read(bucket, 1)).at(0)).toEqual({ number: 2, writer: 'w', kind: 'closed' });
    });

    test('a key that is claimed by itself has one owner, whom everybody is told', async () => {
      for (const open of [() => subject.open(), () => subject.openLosingAnswers()]) {
        const log = await open();
        const bucket = newBucket();
        const claims = Array.from({ length: WRITERS }, () => randomBytes(28));
        const expiresAtMs = Date.now() + WEEK_MS;
        const owners = await Promise.all(
          claims.map((claim) => log.claimKey(bucket, 'key', claim, expiresAtMs)),
        );
        expect(new Set(owners.map(hex)).size).toBe(1);
        expect(claims.map(hex)).toContain(hex(owners[0] ?? []));
        const other = randomBytes(28);
        expect(hex(await log.claimKey(bucket, 'another key', other, expiresAtMs))).toBe(hex(other));
        expect(await log.read(bucket, 0)).toEqual([]);
      }
    });
  });
}

function newBucket(): string {
  return `orders#2024-01-01#${randomUUID()}`;
}

async function entryOf(
  log: ClaimLog,
  packed: readonly Uint8Array[],
): Promise<NewLogEntry & { readonly kind: 'claims' }> {
  const expiresAtMs = Date.now() + WEEK_MS;
  const claims = await log.store(packed, expiresAtMs);
  return { kind: 'claims', claims, expiresAtMs, writer: randomUUID() };
}

function packedOf(entry: LogEntry | undefined): string[] {
  return entry?.kind === 'claims' ? entry.packed.map(hex) : [];
}

function expiryOf(entry: LogEntry | NewLogEntry | undefined): number {
  return entry?.kind === 'claims' ? entry.expiresAtMs : NaN;
}

function hex(bytes: Uint8Array | readonly number[]): string {
  return Buffer.from(bytes).toString('hex');
}
