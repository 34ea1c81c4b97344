import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { SourceCheckDeps } from '../shared/pipeline/checks/check-sources.ts';
import type { Progress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What the commands that look at the real things behind sources work with. */
export interface ChecksDeps {
  readonly terminal: Terminal;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  readonly openChecks: (config: HeadgateConfig) => OpenChecks;
  readonly progress: Progress;
}

/** What sources are reached by. */
export interface OpenChecks extends SourceCheckDeps {
  readonly close: () => void;
}
