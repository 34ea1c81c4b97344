import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { RejectedError } from '../../shared/domain/errors.ts';
import type { WriteKey, WriteKeyStore } from '../../shared/ports/write-key-store.ts';
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
      const keys = [30, 10, 20].map((createdAtMs) => keyOf({ source, createdAtMs }));
      for (const key of [...keys, keyOf({})]) await store.create(key);
      expect(await store.list(source)).toEqual([keys[1], keys[2], keys[0]]);
      expect(await store.list(newSource())).toEqual([]);
    });

    test('a call whose answer was lost and that is repeated gives the same answer', async () => {
      const store = await subject.openLosingAnswers();
      const key = keyOf({});
      await store.create(key);
      expect(await store.find(key.hash)).toEqual(key);
      expect(await store.revoke(key.source, key.hash)).toBe(true);
      expect(await store.find(key.hash)).toBeUndefined();
    });
  });
}

function keyOf(changed: Partial<WriteKey>): WriteKey {
  return { hash: newHash(), source: newSource(), createdAtMs: 1_704_067_200_123, ...changed };
}

function newHash(): string {
  return randomBytes(32).toString('hex');
}

function newSource(): string {
  return `orders-${randomUUID()}`;
}
