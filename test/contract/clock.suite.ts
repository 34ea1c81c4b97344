import { describe, expect, test } from 'vitest';
import type { Clock } from '../../shared/ports/clock.ts';

/** What retries rely on, whatever the clock is made of; `open` gives one that moves by itself. */
export function clockContract(subject: { open(): Clock }): void {
  describe('clock', () => {
    test('it gives whole milliseconds since the epoch', () => {
      const nowMs = subject.open().nowMs();
      expect(Number.isInteger(nowMs)).toBe(true);
      expect(nowMs).toBeGreaterThan(Date.UTC(2024, 0, 1));
    });

    test('after a sleep at least that time has passed', async () => {
      const clock = subject.open();
      const startMs = clock.nowMs();
      await clock.sleep(25);
      // A timer of Node may fire within the last millisecond.
      expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(24);
    });

    test('no sleep takes forever, not even none', async () => {
      const clock = subject.open();
      await expect(clock.sleep(0)).resolves.toBeUndefined();
    });
  });
}
