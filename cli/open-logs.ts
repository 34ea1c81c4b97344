import type { HeadgateConfig } from '../shared/config/schema.ts';

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

/** What the commands work with that follow logs. */
export interface LogsDeps {
  readonly openLogs: (config: HeadgateConfig) => Promise<OpenLogs>;
}

/** The logs of a deployment's functions. */
export interface OpenLogs {
  /** Warnings and errors of some functions since a time, in their order. */
  readonly read: (lanes: readonly string[], fromMs: number) => Promise<readonly LogLine[]>;
  readonly close: () => void;
}
