import type {
  HeadgateConfig,
  HttpSourceConfig,
  ReceivedSourceConfig,
  SourceConfig,
  SourceType,
  StreamSourceConfig,
} from '../shared/config/schema.ts';
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

/** The lane that receives a source's records, and the lane that lands them: the `lane` dimension of their metrics. */
export const LANES_OF = {
  push: { received: 'push', landed: 'stream' },
  webhook: { received: 'push', landed: 'stream' },
  stream: { received: 'stream', landed: 'stream' },
  http: { received: 'pull', landed: 'pull' },
} as const satisfies Readonly<Record<SourceType, { received: FunctionName; landed: FunctionName }>>;
