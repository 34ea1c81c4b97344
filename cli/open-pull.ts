import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { CountStore } from '../shared/ports/count-store.ts';
import type { FindingStore } from '../shared/ports/finding-store.ts';
import type { LedgerStore } from '../shared/ports/ledger-store.ts';
import type { PullControlStore } from '../shared/ports/pull-control.ts';
import type { PullWork } from '../shared/ports/work-queue.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Terminal } from './terminal.ts';

/** What the commands for sources that are read on a schedule work with. */
export interface PullDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** Opens a deployment. */
  readonly openPull: (config: HeadgateConfig) => Promise<OpenPull>;
  /** Who is at the terminal, as far as it is known. */
  readonly who: string;
}

/** An alarm as it stands. */
export interface AlarmState {
  readonly name: string;
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  readonly state: string;
  /** When it became so, ISO 8601. */
  readonly since: string | undefined;
  readonly reason: string;
}

/** A deployment whose sources are read on a schedule. */
export interface OpenPull {
  readonly control: PullControlStore;
  readonly ledger: LedgerStore;
  readonly counts: Pick<CountStore, 'read'>;
  readonly findings: Pick<FindingStore, 'read'>;
  /** Has the source's function do this, and waits until it is done. @throws BlockedError with what it failed with */
  readonly perform: (work: PullWork) => Promise<void>;
  /** Has the source's function do this soon. */
  readonly start: (work: PullWork) => Promise<void>;
  /** Has the alarms of a source tell somebody, or nobody; they go on looking. */
  readonly tellOfAlarms: (source: string, isTelling: boolean) => Promise<void>;
  /** The alarms of a source, as CloudWatch has them. */
  readonly alarmsOf: (source: string) => Promise<readonly AlarmState[]>;
  readonly newToken: () => string;
  readonly close: () => void;
}
