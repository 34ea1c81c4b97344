import { forEachLimited } from '../../shared/domain/for-each-limited.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import { previewQuarantine } from '../../shared/pipeline/replay/preview-quarantine.ts';
import { countUnlanded } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { ReplayQuarantineOptions } from '../../shared/pipeline/replay/replay-quarantine.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import type { OpenReplay } from '../open-replay.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { audited } from './audited.ts';
import { findObjects, PARKED_PREFIX } from './find-objects.ts';
import { applyEdits, parseEdits, type EditOptions } from './parse-edits.ts';
import { replayWith, workOnObjects } from './replay-objects.ts';
import { requireSource, type SelectionOptions } from './selection.ts';
import { showPreviews, showResults, type PreviewedObject } from './show-results.ts';
import { withLake } from './with-lake.ts';

interface ReplayOptions extends DlqOptions, SelectionOptions, EditOptions {
  readonly dryRun?: true;
  readonly as?: string;
}

const PARALLEL_PREVIEWS = 8;

/** `headgate dlq replay` */
export async function replayRecords(
  deps: DlqDeps,
  names: readonly string[],
  options: ReplayOptions,
): Promise<void> {
  const { terminal, progress } = deps;
  const edits = parseEdits(options);
  await withLake(deps, options, async (lake, selection, config) => {
    if (options.as !== undefined) requireSource(config, options.as, '--as');
    const keys = await findObjects(lake, names, selection);
    const parked = keys.find((key) => key.startsWith(PARKED_PREFIX));
    if (edits.length > 0 && parked !== undefined) {
      throw new UsageError(
        `--set and --unset change records in quarantine; ${parked} is a parked delivery, which is replayed as it is`,
      );
    }
    const how: Pick<ReplayQuarantineOptions, 'select' | 'edit' | 'source'> = {
      select: selection.select,
      ...(edits.length > 0 && { edit: ({ raw }) => applyEdits(raw, edits) }),
      ...(options.as !== undefined && { source: options.as }),
    };
    if (options.dryRun) {
      const previews = await preview(lake, keys, how);
      terminal.out(options.json ? JSON.stringify(previews) : showPreviews(previews));
      return;
    }
    const asked = [
      ...names,
      selection.asked,
      ...options.set.map((text) => `--set ${JSON.stringify(text)}`),
      ...options.unset.map((text) => `--unset ${JSON.stringify(text)}`),
    ];
    const results = await audited(
      { ...deps, audit: lake.audit },
      { action: 'replay', asked: asked.filter((text) => text !== '').join(' '), objects: [...keys] },
      () => workOnObjects(lake, keys, progress, replayWith(how)),
    );
    terminal.out(options.json ? JSON.stringify(results) : showResults(results));
    const open = results.filter(({ status }) => status !== 'done').length;
    if (open > 0) {
      throw new CommandError(
        `${String(open)} of ${String(results.length)} objects are not done; mend what is named above and replay them again`,
      );
    }
  });
}

async function preview(
  lake: OpenReplay,
  keys: readonly string[],
  how: Pick<ReplayQuarantineOptions, 'select' | 'edit' | 'source'>,
): Promise<readonly PreviewedObject[]> {
  const previews: PreviewedObject[] = [];
  await forEachLimited([...keys.entries()], PARALLEL_PREVIEWS, async ([at, key]) => {
    if (key.startsWith(PARKED_PREFIX)) {
      // Which of its records are good is not looked at: that would be the replay itself.
      const delivery = parseParkedDelivery((await lake.read(key)) ?? new Uint8Array());
      const selected = delivery.batch.records.length;
      const landing = await countUnlanded(lake.engine, delivery);
      previews[at] = {
        key,
        selected,
        done: selected - landing,
        begun: 0,
        landing,
        duplicates: 0,
        conflicts: 0,
        staying: 0,
        problems: [],
      };
      return;
    }
    const { staying, ...counts } = await previewQuarantine(lake.engine, key, how);
    const problems = staying.map(({ number, problems: all }) => `row ${String(number)}: ${all.join('; ')}`);
    previews[at] = { key, ...counts, staying: staying.length, problems };
  });
  return previews;
}
