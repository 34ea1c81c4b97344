import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../../shared/domain/audit-entry.ts';
import type { AuditLog } from '../../shared/ports/audit-log.ts';
import type { Subject } from './subject.ts';

const DAY_MS = 86_400_000;

const entry = (atMs: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  atMs,
  run: randomUUID(),
  phase: 'begun',
  who: 'ada@lab',
  action: 'discard',
  asked: '--source orders --reason CONTRACT',
  why: 'a test of the supplier; "ü"',
  objects: ['quarantine/orders/reason=CONTRACT/dt=2026-01-01/x-v1.parquet'],
  ...more,
});

/** Entries of these runs: others may have been there before. */
const only = (found: readonly AuditEntry[], wanted: readonly AuditEntry[]): readonly AuditEntry[] =>
  found.filter(({ run }) => wanted.some((one) => one.run === run));

/** What operators rely on, whatever the trail is made of. Nothing is newer than what these tests write. */
export function auditLogContract(subject: Subject<AuditLog>): void {
  describe('audit log', () => {
    test('gives entries back as they were, in the order of their time', async () => {
      const log = await subject.open();
      const start = Date.now() + 1000 * DAY_MS;
      const outcome = {
        landed: 3,
        duplicates: 1,
        quarantined: 0,
        discarded: 0,
        alreadyDone: 2,
        staying: 4,
        failed: 0,
      };
      const entries = [
        entry(start),
        entry(start + 5),
        entry(start + DAY_MS, { action: 'replay', phase: 'ended', why: undefined, outcome }),
      ].map((one) => JSON.parse(JSON.stringify(one)) as AuditEntry);
      for (const one of entries.toReversed()) await log.append(one);
      expect(only(await log.list(start, 10), entries)).toEqual(entries);
      expect(await log.list(start, 2)).toEqual(entries.slice(1));
      expect(only(await log.list(start + 1, 10), entries)).toEqual(entries.slice(1));
      expect(only(await log.list(start + 2 * DAY_MS, 10), entries)).toEqual([]);
    });

    test('what is appended again is there once, after a lost answer too', async () => {
      const log = await subject.openLosingAnswers();
      const one = entry(Date.now());
      await log.append(one);
      await log.append(one);
      expect(only(await log.list(one.atMs, 1000), [one])).toHaveLength(1);
    });
  });
}
