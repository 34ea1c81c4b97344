import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { RejectedError } from '../../shared/domain/errors.ts';
import type { NewWriteKey, WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import type { Subject } from './subject.ts';

/** What authentication relies on, whatever the store is made of. */
export function writeKeyStoreContract(subject: Subject<WriteKeyStore>): void {
  describe('write key store', () => {
    test('a key that was never created is not found', async () => {
      const store = await subject.open();
      expect(await store.find(newHash())).toBeUndefined();
    });

    test('a created key is found by its hash', async () => {
      const store = await subject.open();
      const key = keyOf({});
      await store.create(key);
      expect(await store.find(key.hash)).toEqual(key);
    });

    test('a hash that exists is refused for another key, and the first one stays', async () => {
      const store = await subject.open();
      const key = keyOf({});
      await store.create(key);
      const failure = await store.create({ ...key, source: newSource() }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RejectedError);
      expect(failure).toMatchObject({ code: 'WRITE_KEY_TAKEN' });
      expect(await store.find(key.hash)).toEqual(key);
    });

    test('a revoked key is neither found nor listed, and cannot be created again', async () => {
      const store = await subject.open();
      const key = keyOf({});
      await store.create(key);
      expect(await store.revoke(key.source, key.hash)).toBe(true);
      expect(await store.find(key.hash)).toBeUndefined();
      expect(await store.list(key.source)).toEqual([]);
      await expect(store.create(key)).rejects.toMatchObject({ code: 'WRITE_KEY_TAKEN' });
    });

    test('only the source that has a key can revoke it', async () => {
      const store = await subject.open();
      const key = keyOf({});
      await store.create(key);
      expect(await store.revoke(newSource(), key.hash)).toBe(false);
      expect(await store.revoke(key.source, newHash())).toBe(false);
      expect(await store.find(key.hash)).toEqual(key);
    });

    test('the keys of a source are listed, oldest first, without those of other sources', async () => {
      const store = await subject.open();
      const source = newSource();
      const keys = [30, 10].map((createdAtMs) => keyOf({ source, createdAtMs }));
      for (const key of [...keys, keyOf({})]) await store.create(key);
      expect(await store.list(source)).toEqual([keys[1], keys[0]]);
      expect(await store.list(newSource())).toEqual([]);
    });

    test('a source has two active keys at most, and another one once one of them is revoked', async () => {
      const store = await subject.open();
      const source = newSource();
      const [first, second, third] = [1, 2, 3].map((createdAtMs) => keyOf({ source, createdAtMs }));
      if (first === undefined || second === undefined || third === undefined) throw new Error('unreachable');
      await store.create(first);
      await store.create(second);
      const failure = await store.create(third).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RejectedError);
      expect(failure).toMatchObject({ code: 'TOO_MANY_WRITE_KEYS' });
      expect(await store.find(third.hash)).toBeUndefined();
      await store.revoke(source, first.hash);
      await store.create(third);
      expect(await store.list(source)).toEqual([second, third]);
      // Revoking what is revoked makes room for nothing.
      expect(await store.revoke(source, first.hash)).toBe(true);
      await expect(store.create(keyOf({ source }))).rejects.toMatchObject({ code: 'TOO_MANY_WRITE_KEYS' });
    });

    test('of many keys that are created at once, two come into being', async () => {
      const store = await subject.open();
      const source = newSource();
      const keys = Array.from({ length: 6 }, (_, createdAtMs) => keyOf({ source, createdAtMs }));
      const outcomes = await Promise.allSettled(keys.map((key) => store.create(key)));
      const created = keys.filter((_, i) => outcomes[i]?.status === 'fulfilled');
      expect(created).toHaveLength(2);
      expect(await store.list(source)).toEqual(created);
      for (const key of keys) {
        expect(await store.find(key.hash)).toEqual(created.includes(key) ? key : undefined);
      }
    });

    test('a use is noted once an hour', async () => {
      const store = await subject.open();
      const key = keyOf({});
      await store.create(key);
      const noted: (number | undefined)[] = [];
      for (const minutes of [0, 1, 59, 60, 61, 120]) {
        await store.noteUse(key.hash, key.createdAtMs + minutes * 60_000);
        noted.push((await store.find(key.hash))?.lastUsedAtMs);
      }
      const after = (minutes: number): number => key.createdAtMs + minutes * 60_000;
      expect(noted).toEqual([after(0), after(0), after(0), after(60), after(60), after(120)]);
      expect(await store.list(key.source)).toEqual([{ ...key, lastUsedAtMs: after(120) }]);
    });

    test('noting a use neither makes a key nor restores a revoked one', async () => {
      const store = await subject.open();
      const [unknown, revoked] = [keyOf({}), keyOf({})];
      await store.noteUse(unknown.hash, 1);
      expect(await store.find(unknown.hash)).toBeUndefined();
      await store.create(unknown);
      await store.create(revoked);
      await store.revoke(revoked.source, revoked.hash);
      await store.noteUse(revoked.hash, 1);
      expect(await store.find(revoked.hash)).toBeUndefined();
      expect(await store.list(revoked.source)).toEqual([]);
    });

    test('a call whose answer was lost and that is repeated gives the same answer', async () => {
      const store = await subject.openLosingAnswers();
      const key = keyOf({});
      await store.create(key);
      expect(await store.find(key.hash)).toEqual(key);
      const second = keyOf({ source: key.source });
      await store.create(second);
      await store.noteUse(key.hash, 5);
      expect(await store.find(key.hash)).toEqual({ ...key, lastUsedAtMs: 5 });
      expect(await store.revoke(key.source, key.hash)).toBe(true);
      expect(await store.find(key.hash)).toBeUndefined();
      expect(await store.list(key.source)).toEqual([second]);
    });
  });
}

function keyOf(changed: Partial<NewWriteKey>): NewWriteKey {
  return { hash: newHash(), source: newSource(), createdAtMs: 1_704_067_200_123, ...changed };
}

function newHash(): string {
  return randomBytes(32).toString('hex');
}

function newSource(): string {
  return `orders-${randomUUID()}`;
}
