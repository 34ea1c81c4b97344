import { planSchedule } from '../../domain/plan/schedule.ts';
import type { SourceConfig } from '../schema.ts';
import { slowestPollMs } from './slowest-poll.ts';
import { detectionOf } from './to-answers.ts';

/**
 * How many times as much a source brings in a day if it asks for another freshness. What is new comes once, however often
 * it is asked for. What is read as a whole comes in every run: twice as many runs bring twice as much.
 */
export function volumeFactor(source: SourceConfig, freshness: string): number {
  if (!isReadWhole(source)) return 1;
  return minutesBetweenReads(source) / minutesBetweenReads({ ...source, freshness });
}

/** A source that asks for another freshness, with the volume that it has then. */
export function atFreshness<Source extends SourceConfig>(source: Source, freshness: string): Source {
  const factor = volumeFactor(source, freshness);
  return { ...source, freshness, ...(factor !== 1 && { volume: scaleVolume(source.volume, factor) }) };
}

/** Whether every run reads all that there is. */
export const isReadWhole = (source: SourceConfig): boolean => detectionOf(source) === 'whole';

/** GB (1e9 bytes of raw JSON) of one run that reads all that there is, where so much comes in a day. */
export const gbPerReadOf = (source: SourceConfig, gbPerDay: number): number =>
  (gbPerDay * minutesBetweenReads(source)) / MINUTES_PER_DAY;

const MINUTES_PER_DAY = 1_440;

const minutesBetweenReads = (source: SourceConfig): number => planSchedule(slowestPollMs(source)).minutes;

const scaleVolume = (volume: SourceConfig['volume'], factor: number): SourceConfig['volume'] =>
  'gbPerDay' in volume
    ? { ...volume, gbPerDay: volume.gbPerDay * factor }
    : { ...volume, recordsPerSecond: volume.recordsPerSecond * factor };
