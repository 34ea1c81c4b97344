import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  INITIAL_CONTROL,
  type PullControlState,
  type PullControlStore,
} from '../../shared/ports/pull-control.ts';
import type { Subject } from './subject.ts';

const WRITERS = 20;

/** What runs and commands rely on, whatever the store is made of. */
export function pullControlStoreContract(subject: Subject<PullControlStore>): void {
  describe('pull control store', () => {
    test('a source that nothing was written about is not paused and has never run', async () => {
      const store = await subject.open();
      expect(await store.read(newSource())).toEqual(INITIAL_CONTROL);
    });

    test('what was written is read back exactly, under the next version', async () => {
      const store = await subject.open();
      const source = newSource();
      expect(await store.write(source, 0, FULL, randomUUID())).toBe('ok');
      expect(await store.read(source)).toEqual({ ...FULL, version: 1 });
      const { version, ...initial } = INITIAL_CONTROL;
      expect(await store.write(source, version + 1, initial, randomUUID())).toBe('ok');
      expect(await store.read(source)).toEqual({ ...INITIAL_CONTROL, version: 2 });
    });

    test('a write with another version than the current one conflicts and changes nothing', async () => {
      const store = await subject.open();
      const source = newSource();
      await store.write(source, 0, FULL, randomUUID());
      for (const version of [0, 2, 7]) {
        expect(await store.write(source, version, { ...FULL, failures: 99 }, randomUUID())).toBe('conflict');
      }
      expect(await store.read(source)).toEqual({ ...FULL, version: 1 });
    });

    test('of many simultaneous writers exactly one wins', async () => {
      const store = await subject.open();
      const source = newSource();
      const results = await Promise.all(
        Array.from({ length: WRITERS }, (_, failures) =>
          store.write(source, 0, { ...FULL, failures }, randomUUID()),
        ),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      expect(await store.read(source)).toEqual({ ...FULL, failures: results.indexOf('ok'), version: 1 });
    });

    test('sources do not see each other', async () => {
      const store = await subject.open();
      const [a, b] = [newSource(), newSource()];
      await store.write(a, 0, FULL, randomUUID());
      expect(await store.read(b)).toEqual(INITIAL_CONTROL);
    });

    test('a write whose answer was lost answers ok, and another writer with that version does not', async () => {
      const store = await subject.openLosingAnswers();
      const source = newSource();
      expect(await store.write(source, 0, FULL, randomUUID())).toBe('ok');
      expect(await store.write(source, 1, FULL, randomUUID())).toBe('ok');
      expect(await store.write(source, 1, FULL, randomUUID())).toBe('conflict');
      expect((await store.read(source)).version).toBe(2);
    });
  });
}

const newSource = (): string => `orders-${randomUUID()}`;

const FULL: PullControlState = {
  paused: { sinceMs: 1_704_067_200_123, by: 'operator', who: 'é "quoted"', reason: 'maintenance \u{1F98B}' },
  failures: 3,
  lastRun: {
    startedAtMs: 1_704_067_100_000,
    endedAtMs: 1_704_067_100_456,
    landed: 12,
    duplicates: 3,
    quarantined: 1,
    finished: false,
    error: { code: 'DB_LOGIN', message: 'the password is wrong' },
  },
  polling: { everyMinutes: 7, reason: 'nothing was found in 3 runs' },
  emptyRuns: 2,
  running: { owner: 'invocation 1', untilMs: 1_704_067_400_000 },
  isWoken: true,
};
