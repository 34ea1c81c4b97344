import { comparePositions } from '../../domain/identity.ts';
import { isStreamLane } from '../../domain/stream-batch.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FramePlace } from '../../ports/frame-bus.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { retryDelayMs } from './retry-delay.ts';

/** At most this often the ledger is read. */
const READ_INTERVAL_MS = 5_000;
/** Shards that are read at once: those with the oldest frames. */
const LANES_PER_READING = 4;
/** A reading that is older says nothing: the instance may have been frozen, and its frames may have landed since. */
const READING_VALID_MS = 60_000;
/** How many frames are remembered in the time of the allowed lag, which is so known to 3 %. */
const SAMPLES_PER_MAX_LAG = 32;
/** Frames remembered per shard; when there are more, every second one is forgotten (then to 6 %). */
const MAX_SAMPLES = 64;
/** Drain is measured between readings that are this far apart, or as far as there are. */
const DRAIN_BASELINE_MS = 30_000;

/** What is refused (or spilled) first; see `priority` in the configuration. */
export type Priority = 'low' | 'normal' | 'high';

/** Multiples of the allowed lag above which a priority is shed. */
const SHED_ABOVE = { low: 1, normal: 2, high: Infinity } as const satisfies Readonly<
  Record<Priority, number>
>;

interface ShedDecision {
  readonly shed: boolean;
  /** When the sender should come back, 1,000 to 60,000 ms; 0 when nothing is shed. */
  readonly retryAfterMs: number;
}

/** How far the consumer of the stream is behind, as far as one instance can tell from its own frames. */
export interface LagWatch {
  /** Remembers where frames stand that have just become durable. */
  note(places: readonly FramePlace[]): void;
  /** Whether a request of this priority should be kept off the stream now. */
  shouldShed(priority: Priority): ShedDecision;
  /**
   * Reads the ledger if that is due and tells anything. It never fails. Start it with the request, shed or not, and
   * await it before the answer: it must not outlive the invocation.
   */
  refresh(): Promise<void>;
}

export interface LagWatchDeps {
  /** Should give up within `GLANCE_TIMEOUTS`: the request waits for it. */
  readonly ledger: Pick<LedgerStore, 'read'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly telemetry: Pick<Telemetry, 'log'>;
  readonly random?: () => number;
}

interface Sample {
  readonly position: string;
  readonly sentAtMs: number;
}

interface Reading {
  /** When it began. */
  readonly atMs: number;
  /** Age of the oldest remembered frame that no lane had passed; 0 without one. */
  readonly lagMs: number;
}

/**
 * Watches the lag: the age of this instance's oldest frame that its lane in the ledger has not passed. The real lag is
 * never less, whatever other clocks say; it may be more, where the oldest frames are those of other instances. A lane
 * that cedes frames to a replay has passed them, too: they keep nobody waiting.
 *
 * A frame that is younger than the allowed lag cannot show that it is exceeded, so the ledger is read only when a frame
 * has become older: on a healthy system once per shard in that time, and every 5 s while the consumer is behind.
 *
 * While requests are shed, one in each interval of `maxLagMs / 32` is let through: it is the next frame by which the lag
 * is known. Without it the instance would know of no lag as soon as its last frame has landed, and open too early.
 *
 * @param maxLagMs lag above which low priority is shed
 */
export function createLagWatch(deps: LagWatchDeps, maxLagMs: number): LagWatch {
  const { ledger, clock, telemetry } = deps;
  const random = deps.random ?? Math.random;
  const spacingMs = maxLagMs / SAMPLES_PER_MAX_LAG;
  const lanes = new Map<string, Sample[]>();
  let newestSampleMs = -Infinity;
  let lastReadMs = -Infinity;
  /** While there is a lag, in order, the newest last. */
  let readings: Reading[] = [];

  function note(places: readonly FramePlace[]): void {
    const sentAtMs = clock.nowMs();
    for (const { lane, position } of places) {
      if (!isStreamLane(lane)) continue;
      const samples = lanes.get(lane) ?? [];
      const newest = samples.at(-1);
      if (newest !== undefined && sentAtMs - newest.sentAtMs < spacingMs) continue;
      samples.push({ position, sentAtMs });
      lanes.set(lane, samples.length > MAX_SAMPLES ? samples.filter((_, i) => i % 2 === 0) : samples);
      newestSampleMs = sentAtMs;
    }
  }

  function shouldShed(priority: Priority): ShedDecision {
    const nowMs = clock.nowMs();
    const newest = readings.at(-1);
    const limitMs = SHED_ABOVE[priority] * maxLagMs;
    const isKept =
      newest === undefined ||
      nowMs - newest.atMs > READING_VALID_MS ||
      newest.lagMs <= limitMs ||
      nowMs - newestSampleMs >= spacingMs;
    if (isKept) return { shed: false, retryAfterMs: 0 };
    return { shed: true, retryAfterMs: retryDelayMs(needMs(newest, limitMs), random()) };
  }

  /** How long the lag takes to fall to a limit at the pace of the last half minute; Infinity when it does not fall. */
  function needMs(newest: Reading, limitMs: number): number {
    const before = readings.findLast(({ atMs }) => newest.atMs - atMs >= DRAIN_BASELINE_MS) ?? readings[0];
    const fallenMs = (before ?? newest).lagMs - newest.lagMs;
    if (before === undefined || fallenMs <= 0) return Infinity;
    return ((newest.lagMs - limitMs) / fallenMs) * (newest.atMs - before.atMs);
  }

  /** The lanes that may show a lag, those with the oldest frames first. */
  function suspects(nowMs: number): readonly string[] {
    return [...lanes]
      .map(([lane, [oldest]]) => ({ lane, sentAtMs: oldest?.sentAtMs ?? nowMs }))
      .filter(({ sentAtMs }) => nowMs - sentAtMs > maxLagMs)
      .sort((a, b) => a.sentAtMs - b.sentAtMs)
      .slice(0, LANES_PER_READING)
      .map(({ lane }) => lane);
  }

  async function read(atMs: number, names: readonly string[]): Promise<void> {
    const results = await Promise.allSettled(names.map((lane) => ledger.read(lane)));
    let lagMs = 0;
    for (const [i, lane] of names.entries()) {
      const result = results[i];
      if (result?.status !== 'fulfilled') {
        logFailure(telemetry, lane, result?.reason);
        continue;
      }
      const { position } = result.value;
      const samples = lanes.get(lane) ?? [];
      const left =
        position === undefined
          ? samples
          : samples.filter((sample) => comparePositions(sample.position, position) > 0);
      if (left.length > 0) lanes.set(lane, left);
      else lanes.delete(lane);
      lagMs = Math.max(lagMs, atMs - (left[0]?.sentAtMs ?? atMs));
    }
    if (results.every(({ status }) => status === 'rejected')) return;
    readings = lagMs <= maxLagMs ? [] : [...keptReadings(atMs), { atMs, lagMs }];
  }

  /** One reading that is old enough to measure the drain by, and those after it; none from before a pause. */
  function keptReadings(atMs: number): readonly Reading[] {
    const last = readings.at(-1);
    if (last === undefined || atMs - last.atMs > READING_VALID_MS) return [];
    const from = readings.findLastIndex((reading) => atMs - reading.atMs >= DRAIN_BASELINE_MS);
    return readings.slice(Math.max(0, from));
  }

  async function refresh(): Promise<void> {
    const nowMs = clock.nowMs();
    if (nowMs - lastReadMs < READ_INTERVAL_MS) return;
    const names = suspects(nowMs);
    if (names.length === 0) {
      readings = [];
      return;
    }
    lastReadMs = nowMs;
    await read(nowMs, names);
  }

  return { note, shouldShed, refresh };
}

function logFailure(telemetry: Pick<Telemetry, 'log'>, lane: string, reason: unknown): void {
  telemetry.log('warn', 'the lag of the consumer could not be read', {
    lane,
    error: reason instanceof Error ? reason.message : String(reason),
  });
}
