import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ReplayDeps } from '../open-replay.ts';
import type { Terminal } from '../terminal.ts';

export interface DlqDeps extends ReplayDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** Who is at the terminal, for the audit trail. */
  readonly who: string;
  /** Lets a person edit a text; undefined where there is no editor. */
  readonly editText?: ((text: string) => Promise<string>) | undefined;
}

/** What all of these commands take. */
export interface DlqOptions {
  readonly config: string;
  readonly json?: true;
}
