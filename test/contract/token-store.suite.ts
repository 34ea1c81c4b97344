import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NO_TOKENS, type TokenState, type TokenStore } from '../../shared/ports/token-store.ts';
import type { Subject } from './subject.ts';

const tokens = (sealed: string, more: Partial<TokenState> = {}): TokenState => ({
  origin: 'digest',
  sealed,
  lease: undefined,
  ...more,
});

/** What refreshing relies on, whatever the store is made of. */
export function tokenStoreContract(subject: Subject<TokenStore>): void {
  describe('token store', () => {
    test('a source of which nothing is known has version 0', async () => {
      const store = await subject.open();
      expect(await store.read(newName())).toEqual(NO_TOKENS);
    });

    test('what was written is read, with and without a lease', async () => {
      const store = await subject.open();
      const name = newName();
      const leased = tokens('a', { lease: { owner: 'run-1', untilMs: 1_767_225_600_123 } });
      expect(await store.write(name, 0, leased)).toBe('ok');
      expect(await store.read(name)).toEqual({ ...leased, version: 1 });
      expect(await store.write(name, 1, tokens('b'))).toBe('ok');
      expect(await store.read(name)).toEqual({ ...tokens('b'), version: 2 });
    });

    test('sources are strangers to each other', async () => {
      const store = await subject.open();
      const name = newName();
      await store.write(name, 0, tokens('a'));
      expect(await store.read(newName())).toEqual(NO_TOKENS);
    });

    test.each([0, 1, 3])(
      'version %i is a conflict where version 2 stands, and changes nothing',
      async (version) => {
        const store = await subject.open();
        const name = newName();
        await store.write(name, 0, tokens('a'));
        await store.write(name, 1, tokens('b'));
        expect(await store.write(name, version, tokens('c'))).toBe('conflict');
        expect(await store.read(name)).toEqual({ ...tokens('b'), version: 2 });
      },
    );

    test('of writers at the same time one wins', async () => {
      const store = await subject.open();
      const name = newName();
      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((owner) =>
          store.write(name, 0, tokens('x', { lease: { owner, untilMs: 1 } })),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
      const winner = ['a', 'b', 'c', 'd'][outcomes.indexOf('ok')];
      expect((await store.read(name)).lease?.owner).toBe(winner);
    });

    test('a write whose answer was lost is no conflict with itself', async () => {
      const store = await subject.openLosingAnswers();
      const name = newName();
      expect(await store.write(name, 0, tokens('a'))).toBe('ok');
      expect(await store.write(name, 1, tokens('b'))).toBe('ok');
      expect(await store.write(name, 1, tokens('c'))).toBe('conflict');
      expect(await store.read(name)).toMatchObject({ sealed: 'b', version: 2 });
    });
  });
}

function newName(): string {
  return `source-${randomUUID()}`;
}
