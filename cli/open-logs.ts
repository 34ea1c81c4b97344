import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { LogLines } from '../shared/ports/log-lines.ts';

/** What the commands work with that follow logs. */
export interface LogsDeps {
  readonly openLogs: (config: HeadgateConfig) => Promise<LogLines>;
}
