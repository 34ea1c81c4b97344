import { TransientError } from './errors.ts';

/** A source must not be asked now, and the wait is too long for this run: it ends, the next one goes on. */
export class RateLimitedError extends TransientError {
  /** Whose limit it is: the source's own, or the budget that the configuration gives it. */
  readonly by: 'source' | 'budget';
  /** When it may be asked again, ms since the epoch; undefined when the source does not say. */
  readonly untilMs: number | undefined;

  constructor(
    message: string,
    { by, untilMs }: { readonly by: 'source' | 'budget'; readonly untilMs: number | undefined },
  ) {
    super('PULL_RATE_LIMITED', message);
    this.by = by;
    this.untilMs = untilMs;
  }
}
