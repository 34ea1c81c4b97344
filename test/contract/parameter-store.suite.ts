import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { ParameterStore } from '../../shared/ports/parameter-store.ts';
import type { Subject } from './subject.ts';

/** A store, and a way to set a value in it. */
export interface ParameterStoreSubject extends Subject<ParameterStore> {
  set(name: string, value: string): Promise<void>;
}

/** What the lanes rely on, whatever the store is made of. */
export function parameterStoreContract(subject: ParameterStoreSubject): void {
  describe('parameter store', () => {
    test('a value is read as it was set', async () => {
      const store = await subject.open();
      const name = newName();
      await subject.set(name, 'https://api.example/?a=ä&b="c"');
      expect(await store.get(name)).toBe('https://api.example/?a=ä&b="c"');
      expect(await store.get(name)).toBe('https://api.example/?a=ä&b="c"');
    });

    test('a parameter that is missing blocks, and the message names it and how to set it', async () => {
      const store = await subject.open();
      const name = newName();
      const failure = await store.get(name).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(BlockedError);
      expect(failure).toMatchObject({ code: 'PARAMETER_MISSING' });
      expect((failure as Error).message).toContain(`put-parameter --name '${name}'`);
    });

    test('a parameter that was missing is found once it is set', async () => {
      const store = await subject.open();
      const name = newName();
      await store.get(name).catch(() => undefined);
      await subject.set(name, 'now');
      expect(await store.get(name)).toBe('now');
    });

    test('a value is as new as the caller asks for', async () => {
      const store = await subject.open();
      const name = newName();
      await subject.set(name, 'old');
      expect(await store.get(name)).toBe('old');
      await subject.set(name, 'new');
      expect(await store.get(name, { maxAgeMs: 0 })).toBe('new');
      expect(await store.get(name)).toBe('new');
    });

    test('a lost answer is asked for again', async () => {
      const store = await subject.openLosingAnswers();
      const name = newName();
      await subject.set(name, 'value');
      expect(await store.get(name)).toBe('value');
    });
  });
}

function newName(): string {
  return `/headgate/test/${randomUUID()}`;
}
