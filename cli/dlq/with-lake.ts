import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import type { OpenReplay } from '../open-replay.ts';
import { parseSelection, type Selection, type SelectionOptions } from './selection.ts';

/** Opens a deployment, with what the options select, for as long as the work lasts. */
export async function withLake(
  { clock, loadConfig, openReplay, progress }: DlqDeps,
  options: DlqOptions & SelectionOptions,
  work: (lake: OpenReplay, selection: Selection, config: HeadgateConfig) => Promise<void>,
): Promise<void> {
  const config = await loadConfig(options.config);
  const selection = parseSelection(options, config, clock.nowMs());
  const lake = await openReplay(config);
  try {
    await work(lake, selection, config);
  } finally {
    progress.stop();
    await lake.close();
  }
}
