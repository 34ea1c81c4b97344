import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { readKnownFile, selectRows } from '../../shared/pipeline/replay/quarantine-file.ts';
import { forEachLimited } from '../../shared/domain/for-each-limited.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { audited } from './audited.ts';
import { findObjects, PARKED_PREFIX } from './find-objects.ts';
import { discardWith, toOutcome, workOnObjects } from './replay-objects.ts';
import type { SelectionOptions } from './selection.ts';
import { withLake } from './with-lake.ts';

interface DiscardOptions extends DlqOptions, SelectionOptions {
  readonly why?: string;
  readonly yes?: true;
}

const PARALLEL_FILES = 8;

/** `headgate dlq discard` */
export async function discardRecords(
  deps: DlqDeps,
  names: readonly string[],
  options: DiscardOptions,
): Promise<void> {
  const { terminal, progress } = deps;
  const { why } = options;
  const parked = names.find((name) => name.startsWith(PARKED_PREFIX));
  if (parked !== undefined) {
    throw new UsageError(
      `${parked} holds records that nobody has judged; replay it, and give up what goes to quarantine then`,
    );
  }
  if (why === undefined || why.trim() === '') {
    throw new UsageError('--why is required: it is what the audit trail says of these records');
  }
  await withLake(deps, options, async (lake, selection) => {
    const keys = await findObjects(lake, names, selection);
    let open = 0;
    await forEachLimited(keys, PARALLEL_FILES, async (key) => {
      const { rows, done } = await readKnownFile(lake.engine, key);
      for (const number of selectRows(rows, selection.select).keys()) if (!done.has(number)) open++;
    });
    if (open === 0) throw new CommandError('none of these records is open; nothing was done');
    if (!options.yes) {
      if (terminal.confirm === undefined) throw new UsageError('nobody is there to be asked; add --yes');
      const question = `Give up ${String(open)} records in ${String(keys.length)} files? No replay lands them then.`;
      if (!(await terminal.confirm(question))) throw new CommandError('nothing was done');
    }
    const results = await audited(
      { ...deps, audit: lake.audit },
      {
        action: 'discard',
        asked: [...names, selection.asked].filter((text) => text !== '').join(' '),
        why,
        objects: [...keys],
      },
      () => workOnObjects(lake, keys, progress, discardWith({ select: selection.select })),
    );
    const { discarded, alreadyDone, failed } = toOutcome(results);
    if (options.json) terminal.out(JSON.stringify(results));
    else {
      terminal.out(
        `Gave up ${String(discarded)} records; ${String(alreadyDone)} were done before. Their bytes stay in quarantine.`,
      );
      for (const { key, problems } of results)
        for (const problem of problems) terminal.err(`${key}: ${problem}`);
    }
    if (failed > 0)
      throw new CommandError(`${String(failed)} of ${String(results.length)} files could not be read`);
  });
}
