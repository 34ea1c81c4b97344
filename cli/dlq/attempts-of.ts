import type { AuditEntry } from '../../shared/domain/audit-entry.ts';
import type { AuditLog } from '../../shared/ports/audit-log.ts';
import type { FoundRecord } from './find-record.ts';

/** How often and when somebody tried to land a record. */
export interface Attempts {
  /** The one that has put it into quarantine first, and replays since. */
  readonly attempts: number;
  /** When it was received, ISO 8601. */
  readonly firstSeenAt: string;
  /** When the last attempt began, ISO 8601; of the first one, when it was received. */
  readonly lastSeenAt: string;
}

/** Operations that are looked through for those with a record. */
const MAX_HISTORY = 10_000;

/** The audit trail as far as it can be about records. */
export async function readTrail(
  audit: Pick<AuditLog, 'list'>,
  records: readonly Pick<FoundRecord, 'row'>[],
): Promise<readonly AuditEntry[]> {
  if (records.length === 0) return [];
  return await audit.list(Math.min(...records.map(({ row }) => row.receivedAtMs)), MAX_HISTORY);
}

/**
 * Attempts to land a record: those that its row knows of, and replays of its file since. A replay that leaves a row where
 * it is does not write its file again, so only the trail knows of it. A replay of records of some time counts for all
 * records of its files.
 */
export function attemptsOf({ key, number, row }: FoundRecord, trail: readonly AuditEntry[]): Attempts {
  const since = trail.filter(({ phase, action, asked, objects }) => {
    if (phase !== 'begun' || !objects.includes(key)) return false;
    if (action === 'edit') return asked === `${key}#${String(number)}`;
    return (
      action === 'replay' && (!asked.includes('--id ') || asked.includes(`--id ${JSON.stringify(row.id)}`))
    );
  });
  const lastMs = Math.max(row.replayed?.atMs ?? row.receivedAtMs, ...since.map(({ atMs }) => atMs));
  return {
    attempts: (row.replayed?.number ?? 1) + since.length,
    firstSeenAt: new Date(row.receivedAtMs).toISOString(),
    lastSeenAt: new Date(lastMs).toISOString(),
  };
}
