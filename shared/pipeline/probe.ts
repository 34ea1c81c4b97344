/**
 * The named places at which a process may die. Tests kill it, delay it or drop the response there; in production the
 * probe does nothing.
 *
 * - A: claims — A.1 before an append, A.2 after it, A.3 between buckets
 * - B: commit — B.1 before the ledger is read, B.2 after the claims, B.3 after the intent, B.4 after one PUT,
 *   B.5 after all PUTs, B.6 after the commit
 * - R: resolving somebody's intent — R.1 after one tombstone, R.2 after one withdrawn file, R.3 after the abort
 * - F: work that is divided — F.1 after a slot is taken, F.2 after its task, F.3 after that is noted, F.4 after a message
 *   is sent, F.5 after a file is staged, F.6 after a manifest or plan is decided
 */
export type CrashPoint =
  | 'A.1'
  | 'A.2'
  | 'A.3'
  | 'B.1'
  | 'B.2'
  | 'B.3'
  | 'B.4'
  | 'B.5'
  | 'B.6'
  | 'R.1'
  | 'R.2'
  | 'R.3'
  | 'F.1'
  | 'F.2'
  | 'F.3'
  | 'F.4'
  | 'F.5'
  | 'F.6';

export type Probe = (point: CrashPoint) => void | Promise<void>;

export const probeNothing: Probe = () => undefined;
