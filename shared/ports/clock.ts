/** The time, as a port: tests move it by hand. */
export interface Clock {
  /** ms since the epoch. */
  nowMs(): number;
  /** Resolves after `ms`. */
  sleep(ms: number): Promise<void>;
}
