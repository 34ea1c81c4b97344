/** A line that a function has written to its log. */
export interface LogLine {
  /** Of CloudWatch: a line is shown once. */
  readonly id: string;
  readonly atMs: number;
  readonly lane: string;
  readonly level: string;
  readonly message: string;
  /** Source that it is about, if it says one. */
  readonly source: string | undefined;
  /** Everything else that it says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What functions have said that somebody should know of. */
export interface LogLines {
  /**
   * Warnings and errors of some functions since a time, in their order; a function that was not called has none.
   *
   * @throws HeadgateError when a log cannot be read
   */
  read(lanes: readonly string[], fromMs: number): Promise<readonly LogLine[]>;

  close(): void;
}
