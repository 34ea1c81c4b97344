import { laneOf } from '../../shared/config/lane-of.ts';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { DrainMeter } from '../../shared/pipeline/backpressure/drain-meter.ts';
import type { LagWatch } from '../../shared/pipeline/backpressure/lag-watch.ts';
import { HttpProblem } from '../middleware/problems.ts';

/** What is known of the stream's state by what this instance has sent. */
export interface Backpressure {
  readonly lag: Pick<LagWatch, 'refresh' | 'shouldShed'>;
  readonly drain: Pick<DrainMeter, 'retryAfterMs'>;
}

/** Value of a Retry-After header. */
const toRetryAfter = (ms: number): string => String(Math.ceil(ms / 1000));

/**
 * Stores records while the consumer of the stream keeps up with what it is given. When it is too far behind, a source of
 * low priority is refused before anything is done for it; one that may spill goes on, and its bus decides.
 *
 * @throws HttpProblem `temporary-reduced-capacity`
 */
export async function whileKeepingUp<Result>(
  { lag }: Backpressure,
  source: Source<ReceivedSourceConfig>,
  store: () => Promise<Result>,
): Promise<Result> {
  if (laneOf(source.config) !== 'stream') return await store();
  const reading = lag.refresh();
  try {
    if (source.config.overflow === 'refuse') {
      const { shed, retryAfterMs } = lag.shouldShed(source.config.priority);
      if (shed) {
        throw new HttpProblem(
          'temporary-reduced-capacity',
          'what was sent before has not landed yet, and sources of higher priority come first; repeat the request later',
          { headers: { 'retry-after': toRetryAfter(retryAfterMs) } },
        );
      }
    }
    return await store();
  } finally {
    // Nothing may go on after the answer; and when requests are refused, this is what finds that they no longer need be.
    await reading;
  }
}
