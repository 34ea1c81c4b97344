import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { ReplayDeliveryDeps } from '../shared/pipeline/replay/replay-delivery.ts';
import type { ReplayQuarantineDeps } from '../shared/pipeline/replay/replay-quarantine.ts';
import type { AuditLog } from '../shared/ports/audit-log.ts';
import type { Progress } from './progress.ts';

/** A deployment whose parked deliveries and quarantine can be replayed. */
export interface OpenReplay {
  readonly bucket: string;
  /** Keys of objects in the lake bucket, in order. */
  readonly list: (prefix: string) => Promise<readonly string[]>;
  readonly read: (key: string) => Promise<Uint8Array | undefined>;
  /** Name of the function whose deliveries are replayed; undefined where no source has a stream. */
  readonly streamFunction: string | undefined;
  /** Who did what. */
  readonly audit: AuditLog;
  readonly engine: ReplayDeliveryDeps & ReplayQuarantineDeps;
  /** Ends what the engine has opened. */
  readonly close: () => Promise<void>;
}

export interface ReplayDeps {
  readonly openReplay: (config: HeadgateConfig) => Promise<OpenReplay>;
  readonly progress: Progress;
}
