import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createQuota, type Quota } from '../../shared/pipeline/quota.ts';
import type { QuotaStore } from '../../shared/ports/quota-store.ts';

/** How requests fall on the instances: evenly at random, or on the first ones far more often than on the last. */
export type Routing = 'even' | 'uneven';

/** Demand on a source, and the instances that serve it. */
export interface FleetLoad {
  readonly source: Source<ReceivedSourceConfig>;
  readonly store: QuotaStore;
  readonly seed: number;
  readonly seconds: number;
  /** Requests per second, `second` seconds after the beginning; they arrive at random (Poisson). */
  readonly requestsPerSecond: (second: number) => number;
  /** Instances that serve requests in this second. */
  readonly instances: (second: number) => number;
  /** How many instances have been replaced by others until this second. Default none. */
  readonly replaced?: (second: number) => number;
  readonly routing?: Routing;
  readonly recordsPerRequest?: number;
  readonly bytesPerRequest?: number;
  readonly senderOf?: (request: number) => string;
  /** Clocks of instances differ by up to this in either direction. Default 1,000. */
  readonly skewMs?: number;
}

/** One request that was decided. */
export interface FleetRequest {
  readonly second: number;
  readonly admitted: boolean;
  readonly bytes: number;
  readonly sender: string | undefined;
}

/** Lets a fleet of instances decide about requests, in simulated time. */
export async function runFleet(load: FleetLoad): Promise<readonly FleetRequest[]> {
  const random = createSeededRandom(load.seed);
  const skewMs = load.skewMs ?? 1_000;
  const startMs = Date.UTC(2026, 0, 1);
  let nowMs = startMs;
  const fleet: Quota[] = [];
  const instance = (index: number): Quota => {
    for (let i = fleet.length; i <= index; i++) {
      const offsetMs = (2 * random() - 1) * skewMs;
      const clock = { nowMs: () => nowMs + offsetMs, sleep: () => Promise.resolve() };
      fleet.push(
        createQuota({
          store: load.store,
          clock,
          telemetry: new MemoryTelemetry(),
          random: createSeededRandom(load.seed ^ (i + 1)),
        }),
      );
    }
    const quota = fleet[index];
    if (quota === undefined) throw new RangeError(`no instance ${String(index)}`);
    return quota;
  };
  const requests: FleetRequest[] = [];
  for (;;) {
    const second = (nowMs - startMs) / 1000;
    // Thinning: candidates at the highest rate, of which the current part arrives.
    const rate = load.requestsPerSecond(second);
    const stepMs = rate <= 0 ? 100 : Math.min(100, (-Math.log(1 - random()) / rate) * 1000);
    nowMs += stepMs;
    if (nowMs - startMs >= load.seconds * 1000) return requests;
    if (stepMs >= 100) continue;
    const instances = load.instances(second);
    const place = load.routing === 'uneven' ? random() ** 3 : random();
    const quota = instance((load.replaced?.(second) ?? 0) + Math.floor(place * instances));
    const sender = load.senderOf?.(requests.length);
    const bytes = load.bytesPerRequest ?? 1_000;
    const { admitted } = await quota.take(load.source, sender, { bytes });
    if (admitted) quota.spent(load.source, sender, load.recordsPerRequest ?? 1);
    requests.push({ second: (nowMs - startMs) / 1000, admitted, bytes, sender });
  }
}
