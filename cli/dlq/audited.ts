import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../../shared/domain/audit-entry.ts';
import type { AuditLog } from '../../shared/ports/audit-log.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { toOutcome, type ReplayedObject } from './replay-objects.ts';

/**
 * Does something that the audit trail must know of: it is written down before, and with its outcome after. Nothing is
 * done that could not be written down.
 */
export async function audited(
  { audit, clock, who }: { readonly audit: AuditLog; readonly clock: Clock; readonly who: string },
  about: Pick<AuditEntry, 'action' | 'asked' | 'why' | 'objects'>,
  work: () => Promise<readonly ReplayedObject[]>,
): Promise<readonly ReplayedObject[]> {
  const run = randomUUID();
  const entry = (phase: AuditEntry['phase']): AuditEntry => ({
    ...about,
    atMs: clock.nowMs(),
    run,
    phase,
    who,
  });
  await audit.append(entry('begun'));
  const results = await work();
  await audit.append({ ...entry('ended'), outcome: toOutcome(results) });
  return results;
}
