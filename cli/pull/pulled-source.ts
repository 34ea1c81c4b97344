import type { HeadgateConfig, PulledSourceConfig, SourceConfig } from '../../shared/config/schema.ts';
import { CommandError } from '../terminal.ts';

/** Whether a source is read on a schedule. */
export const isPulled = (source: SourceConfig): source is PulledSourceConfig =>
  'pauseAfterFailures' in source;

/** The function that reads a source, as its name ends. */
export const pullFunctionOf = (source: SourceConfig): 'pull' | 'extract' =>
  source.type === 'postgres' || source.type === 'mysql' ? 'extract' : 'pull';

/** All sources that are read on a schedule. */
function pulledSourcesOf(config: HeadgateConfig): readonly (readonly [string, PulledSourceConfig])[] {
  return Object.entries(config.sources).filter((entry): entry is [string, PulledSourceConfig] =>
    isPulled(entry[1]),
  );
}

/** @throws CommandError when the source is not declared, or not read on a schedule */
export function requirePulled(config: HeadgateConfig, name: string, file: string): PulledSourceConfig {
  const source = config.sources[name];
  const all = pulledSourcesOf(config).map(([other]) => other);
  const allowed = all.length === 0 ? 'none' : all.join(', ');
  if (source === undefined) {
    throw new CommandError(
      `source ${JSON.stringify(name)} is not declared in ${file}; sources that are read on a schedule: ${allowed}`,
    );
  }
  if (isPulled(source)) return source;
  throw new CommandError(
    `source ${name} has type ${source.type}, which is not read on a schedule; sources that are: ${allowed}`,
  );
}
