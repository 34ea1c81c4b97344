/** Where a command writes, and whom it can ask. */
export interface Terminal {
  /** Results, for people or as JSON. */
  out(text: string): void;
  /** Errors and hints. */
  err(text: string): void;
  /** Asks a person; undefined when there is nobody to ask. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** A command found a problem that its message explains; the process ends with exit code 1. */
export class CommandError extends Error {}

/** A command was called in a wrong way; the process ends with exit code 2. */
export class UsageError extends Error {}
