/** One call of a store, as whoever schedules or disturbs it sees it. */
export interface StoreCall {
  readonly port:
    | 'claims'
    | 'lake'
    | 'ledger'
    | 'bus'
    | 'requests'
    | 'write-keys'
    | 'parameters'
    | 'stage'
    | 'landing'
    | 'quota'
    | 'spend'
    | 'tokens'
    | 'control'
    | 'queue'
    | 'objects'
    | 'audit'
    | 'counts'
    | 'findings'
    | 'costs';
  /** The port's method. */
  readonly operation: string;
  /** Lane, bucket, key or other name that the call is about. */
  readonly subject: string;
}

/**
 * The seam around every call of a memory store: a scheduler decides when the effect happens, a fault layer whether
 * it happens and whether its answer arrives.
 */
export interface Turn {
  /** Runs before the effect. When it throws, nothing has happened and the caller gets the error. */
  before?(call: StoreCall): Promise<void>;
  /**
   * Runs after the effect, before the caller gets the answer. When it throws, the effect stands and the answer is
   * lost; `'repeat'` is a lost answer after which the SDK sends the same request again.
   */
  after?(call: StoreCall): Promise<'repeat' | undefined>;
}

/** Runs one synchronous effect inside its turn. */
export async function takeTurn<Answer>(
  turn: Turn | undefined,
  call: StoreCall,
  effect: () => Answer,
): Promise<Answer> {
  if (turn === undefined) return effect();
  for (;;) {
    await turn.before?.(call);
    const answer = effect();
    if ((await turn.after?.(call)) !== 'repeat') return answer;
  }
}
