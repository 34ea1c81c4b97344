/**
 * What is known about a pulled source beside its checkpoint: whether it is paused, how its last runs went, how often it is
 * polled. Nothing that delivery relies on: losing it loses comfort, never records.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent; a source that nothing was written about has `INITIAL_CONTROL`.
 * - `write` is a compare-and-set on `version`: `'conflict'` when somebody else has written since.
 */
export interface PullControlStore {
  read(source: string): Promise<PullControl>;
  write(source: string, expectedVersion: number, control: PullControlState): Promise<'ok' | 'conflict'>;
}

export interface PullControl extends PullControlState {
  readonly version: number;
}

export interface PullControlState {
  /** Runs of a paused source do nothing. */
  readonly paused: PullPause | undefined;
  /** Runs in a row that failed. */
  readonly failures: number;
  readonly lastRun: PullRunSummary | undefined;
  /** Time between two runs, in minutes, as it was set last; undefined: as deployed. */
  readonly pollEveryMinutes: number | undefined;
  /** Runs in a row that found nothing: what adaptive polling decides by. */
  readonly emptyRuns: number;
}

export interface PullPause {
  readonly sinceMs: number;
  /** `operator`, or what made the source pause itself. */
  readonly by: 'operator' | 'failures';
  /** For people: what to do. */
  readonly reason: string;
}

export interface PullRunSummary {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly landed: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly finished: boolean;
  /** Code and message of the error that ended it. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

export const INITIAL_CONTROL: PullControl = {
  version: 0,
  paused: undefined,
  failures: 0,
  lastRun: undefined,
  pollEveryMinutes: undefined,
  emptyRuns: 0,
};
