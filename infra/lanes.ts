import type {
  HeadgateConfig,
  HttpSourceConfig,
  ReceivedSourceConfig,
  SourceConfig,
  StreamSourceConfig,
} from '../shared/config/schema.ts';
import { laneOf } from '../shared/config/lane-of.ts';
import type { FunctionName } from './tuning.ts';

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

export function httpSources(config: HeadgateConfig): readonly Named<HttpSourceConfig>[] {
  return Object.entries(config.sources).filter(
    (entry): entry is [string, HttpSourceConfig] => entry[1].type === 'http',
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
    case 'postgres':
    case 'mysql':
    case 'files':
      return { received: 'pull', landed: 'pull' };
  }
}
