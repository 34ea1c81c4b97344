import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { AuditDeps as AuditStores } from '../shared/pipeline/audit/audit-source.ts';
import type { ReceivedRows } from '../shared/ports/received-rows.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Progress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What `headgate audit` works with. */
export interface AuditDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** Opens the lake and the counters of a deployment. */
  readonly openAudit: (config: HeadgateConfig) => Promise<OpenAudit>;
}

/** The lake of a deployment, its former versions and its counters. */
export interface OpenAudit extends Omit<AuditStores, 'rows'> {
  readonly bucket: string;
  /** For one source; to be closed. */
  readonly openRows: () => ReceivedRows;
  readonly close: () => void;
}
