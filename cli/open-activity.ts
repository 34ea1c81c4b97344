import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { PriceTable } from '../shared/domain/cost/prices.ts';
import type { ActivityLog } from '../shared/ports/activity-log.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Terminal } from './terminal.ts';

/** What the commands work with that tell what a deployment does and costs. */
export interface ActivityDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  readonly loadPrices: (file: string) => PriceTable;
  readonly openActivity: (config: HeadgateConfig) => Promise<OpenActivity>;
}

/** What the functions of a deployment have said. */
export interface OpenActivity {
  readonly activity: ActivityLog;
  readonly close: () => void;
}
