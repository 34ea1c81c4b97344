/**
 * What is known about a pulled source beside its checkpoint: whether it is paused, how its last runs went, how often it is
 * polled, who is at work. Nothing that delivery relies on: losing it loses comfort, never records.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent; a source that nothing was written about has `INITIAL_CONTROL`.
 * - `write` is a compare-and-set on `version`, which it increases by one: exactly one of several writers with the same
 *   expected version succeeds; the others get `'conflict'` and must read again.
 * - A write whose response was lost and that is repeated by the SDK is recognised by its `writer` token.
 * - Throttled, denied or failed calls throw; they never answer `'conflict'`.
 */
export interface PullControlStore {
  read(source: string): Promise<PullControl>;
  /** @param writer a token of this write alone */
  write(
    source: string,
    expectedVersion: number,
    control: PullControlState,
    writer: string,
  ): Promise<'ok' | 'conflict'>;
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
  /** How often the source is polled, as it was decided last; undefined: as deployed. */
  readonly polling: PollDecision | undefined;
  /** Runs in a row that found nothing since the interval has changed: what adaptive polling decides by. */
  readonly emptyRuns: number;
  /** The run that is at work, once it takes longer; liveness only, never safety. */
  readonly running: RunLease | undefined;
  /** Something new has come to the source since the run that is at work began: another one is to follow it. */
  readonly isWoken: boolean;
}

/** A time between two runs, and why it is that. */
export interface PollDecision {
  readonly everyMinutes: number;
  /** For people. */
  readonly reason: string;
}

/** Other runs leave the source alone until then. */
interface RunLease {
  readonly owner: string;
  readonly untilMs: number;
}

interface PullPause {
  readonly sinceMs: number;
  /** `operator`, or what made the source pause itself. */
  readonly by: 'operator' | 'failures';
  /** The person, as far as it is known. */
  readonly who: string | undefined;
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
  /** The invocation that failed; one that Lambda repeats keeps its id. */
  readonly failedBy?: string | undefined;
}

export const INITIAL_CONTROL: PullControl = {
  version: 0,
  paused: undefined,
  failures: 0,
  lastRun: undefined,
  polling: undefined,
  emptyRuns: 0,
  running: undefined,
  isWoken: false,
};
