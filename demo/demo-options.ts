import type { PollerEvent } from '../cloud/event-source-poller/deliver-batch.ts';
import type { DemoScale } from './data/prepare.ts';
import type { Progress } from './progress.ts';

/** What one run of the demo is told. */
export interface DemoOptions {
  readonly scale: DemoScale;
  /** Where a copy of the lake is to be found afterwards; what was there is replaced. */
  readonly lakeFolder: string;
  /** Whether `AWS_ENDPOINT_URL` may name an emulator that runs already. */
  readonly mayUseRunning: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Told what goes wrong between the stream and its function. */
  readonly onPollerEvent: (event: PollerEvent) => void;
}
