import { laneOf, usesLanding } from '../lane-of.ts';
import type { HeadgateConfig, ReceivedSourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { receivedSources } from './lanes.ts';

/** Sources whose frames are landed by one run. */
export interface LandingSchedule {
  /** Unique in a deployment: `every-5-minutes-1`. */
  readonly name: string;
  readonly windowMinutes: number;
  readonly sources: readonly string[];
  /** Its sources bring more than one run can land. Only a single source can. */
  readonly isOverloaded: boolean;
}

const MINUTE_MS = 60_000;
/** Half the freshness for collecting leaves half for landing. */
const MAX_WINDOW_MINUTES = 60;
/** What is spilled was to be in the lake within seconds. */
const MAX_SPILL_WINDOW_MINUTES = 5;
/** Sources whose frames are on the stream. They have none here, unless they were moved there, or are over their budget. */
const SWEEP_WINDOW_MINUTES = 60;

/**
 * Raw bytes that a run lands per second. Measured on one core: 68 MB per second of CPU time in frames of 500 records,
 * 45 MB in frames of 20. Reading frames from S3 takes longer: with 64 at a time, of 15 KB each and 30 ms apart, 30 MB/s.
 * Half of what both make together is planned with.
 */
const PLANNED_BYTES_PER_SECOND = 8_000_000;
/** A run has 15 minutes. */
const RUN_SECONDS = 800;
/** Keeps the event well under the 256 KB that a schedule takes. */
const MAX_SOURCES = 200;
const DAY_SECONDS = 86_400;

/**
 * The schedules of the landing lane; none where no source uses it. Sources with the same window share one, so that idle
 * sources do not cost a schedule each, as long as one run can land what they bring within the window.
 */
export function planLandingSchedules(config: HeadgateConfig): readonly LandingSchedule[] {
  const received = receivedSources(config);
  if (!received.some(([, source]) => usesLanding(source))) return [];
  const byWindow = new Map<number, { readonly name: string; readonly bytes: number }[]>();
  for (const [name, source] of received) {
    const minutes = landingWindowMinutes(source);
    const bytes = usesLanding(source) ? bytesPerSecond(source) * minutes * 60 : 0;
    const group = byWindow.get(minutes);
    if (group === undefined) byWindow.set(minutes, [{ name, bytes }]);
    else group.push({ name, bytes });
  }
  return [...byWindow]
    .sort(([a], [b]) => a - b)
    .flatMap(([minutes, sources]) => {
      const capacity = PLANNED_BYTES_PER_SECOND * Math.min(RUN_SECONDS, minutes * 60);
      return pack(sources, capacity).map((group, at): LandingSchedule => ({
        name: `every-${String(minutes)}-minute${minutes === 1 ? '' : 's'}-${String(at + 1)}`,
        windowMinutes: minutes,
        sources: group.map(({ name }) => name),
        isOverloaded: sum(group) > capacity,
      }));
    });
}

/** How often the frames of a source are landed, in whole minutes, which is what schedules know. */
export function landingWindowMinutes(source: ReceivedSourceConfig): number {
  const minutes = landingWindowOf(toMs(source.freshness));
  if (laneOf(source) === 'landing') return minutes;
  return source.overflow === 'spill' ? Math.min(MAX_SPILL_WINDOW_MINUTES, minutes) : SWEEP_WINDOW_MINUTES;
}

/** How often frames are landed for a freshness. */
export function landingWindowOf(freshnessMs: number): number {
  return Math.min(MAX_WINDOW_MINUTES, Math.max(1, Math.floor(freshnessMs / 2 / MINUTE_MS)));
}

function bytesPerSecond({ volume }: ReceivedSourceConfig): number {
  return 'gbPerDay' in volume
    ? (volume.gbPerDay * 1e9) / DAY_SECONDS
    : volume.recordsPerSecond * volume.recordBytes;
}

/** First fit, in the order of their names: a source that is added moves few others. */
function pack<Item extends { readonly name: string; readonly bytes: number }>(
  items: readonly Item[],
  capacity: number,
): Item[][] {
  const bins: Item[][] = [];
  for (const item of [...items].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const bin = bins.find((group) => group.length < MAX_SOURCES && sum(group) + item.bytes <= capacity);
    if (bin === undefined) bins.push([item]);
    else bin.push(item);
  }
  return bins;
}

const sum = (items: readonly { readonly bytes: number }[]): number =>
  items.reduce((total, { bytes }) => total + bytes, 0);
