import type {
  HeadgateConfig,
  PulledSourceConfig,
  ReceivedSourceConfig,
  SourceConfig,
  StreamSourceConfig,
} from '../schema.ts';
import { laneOf, usesLanding } from '../lane-of.ts';
import type { FunctionName } from '../../domain/plan/function-sizes.ts';

/** A source of one type under its name. */
export type Named<Config extends SourceConfig> = readonly [name: string, config: Config];

/** Sources whose records arrive over HTTP: pushed, or delivered by webhooks. */
export function receivedSources(config: HeadgateConfig): readonly Named<ReceivedSourceConfig>[] {
  return Object.entries(config.sources).filter(
    (entry): entry is [string, ReceivedSourceConfig] =>
      entry[1].type === 'push' || entry[1].type === 'webhook',
  );
}

/** Received sources whose frames go through the ingest stream. */
export function streamedSources(config: HeadgateConfig): readonly Named<ReceivedSourceConfig>[] {
  return receivedSources(config).filter(([, source]) => laneOf(source) === 'stream');
}

/** Sources that have a stream of their own. */
export function streamSources(config: HeadgateConfig): readonly Named<StreamSourceConfig>[] {
  return Object.entries(config.sources).filter(
    (entry): entry is [string, StreamSourceConfig] => entry[1].type === 'stream',
  );
}

/** The functions that read sources on a schedule. */
export const PULLING_LANES = ['pull', 'extract'] as const satisfies readonly FunctionName[];
export type PullingLane = (typeof PULLING_LANES)[number];

/** Sources that a function reads on a schedule. */
export function pulledSources(
  config: HeadgateConfig,
  lane: PullingLane,
): readonly Named<PulledSourceConfig>[] {
  return Object.entries(config.sources).filter(
    (entry): entry is [string, PulledSourceConfig] => lanesOf(entry[1]).landed === lane,
  );
}

/** The lanes of a source's records: the `lane` dimensions of their metrics. */
export interface LanesOfSource {
  readonly received: FunctionName;
  readonly landed: FunctionName;
}

/** The lane that receives a source's records, and the lane that lands them, spilled frames apart. */
export function lanesOf(source: SourceConfig): LanesOfSource {
  switch (source.type) {
    case 'push':
    case 'webhook':
      return { received: 'push', landed: laneOf(source) === 'landing' ? 'land' : 'stream' };
    case 'stream':
      return { received: 'stream', landed: 'stream' };
    case 'http':
    case 'files':
      return { received: 'pull', landed: 'pull' };
    case 'postgres':
    case 'mysql':
      return { received: 'extract', landed: 'extract' };
  }
}

/** All lanes that may work for a source, that of spilled frames included. */
export function lanesThatServe(source: SourceConfig): readonly FunctionName[] {
  const { received, landed } = lanesOf(source);
  const mayLand = (source.type === 'push' || source.type === 'webhook') && usesLanding(source);
  return [...new Set([received, landed, ...(mayLand ? (['land'] as const) : [])])];
}
