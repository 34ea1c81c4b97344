import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { previewQuarantine } from '../../shared/pipeline/replay/preview-quarantine.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { audited } from './audited.ts';
import { findRecord } from './find-record.ts';
import { applyEdits, parseEdits, type EditOptions } from './parse-edits.ts';
import { replayWith, workOnObjects } from './replay-objects.ts';
import { requireSource, type SelectionOptions } from './selection.ts';
import { showResults } from './show-results.ts';
import { withLake } from './with-lake.ts';

interface EditRecordOptions extends DlqOptions, SelectionOptions, EditOptions {
  readonly file?: string;
  readonly as?: string;
  readonly yes?: true;
}

/** `headgate dlq edit` */
export async function editRecord(
  deps: DlqDeps,
  reference: string,
  options: EditRecordOptions,
): Promise<void> {
  const { terminal, progress } = deps;
  await withLake(deps, options, async (lake, selection, config) => {
    if (options.as !== undefined) requireSource(config, options.as, '--as');
    const { key, number, row } = await findRecord(lake, reference, selection);
    const edited = await takeEdited(deps, row.raw, options);
    if (Buffer.from(row.raw).equals(edited)) throw new CommandError('nothing was changed; nothing was done');
    const how = {
      select: (_row: unknown, at: number) => at === number,
      edit: () => edited,
      ...(options.as !== undefined && { source: options.as }),
    };
    const preview = await previewQuarantine(lake.engine, key, how);
    const [staying] = preview.staying;
    if (staying !== undefined) {
      throw new CommandError(`as it is now the record would stay: ${staying.problems.join('; ')}`);
    }
    if (preview.done > 0) throw new CommandError('the record is done: it was replayed or given up before');
    const what =
      preview.landing > 0 ? 'It would land.' : 'Its key is taken: it would be a duplicate, or a conflict.';
    if (!options.yes) {
      if (terminal.confirm === undefined) throw new UsageError('nobody is there to be asked; add --yes');
      terminal.err(Buffer.from(edited).toString());
      if (!(await terminal.confirm(`${what} Replay the record like this?`))) {
        throw new CommandError('nothing was done');
      }
    }
    const results = await audited(
      { ...deps, audit: lake.audit },
      { action: 'edit', asked: `${key}#${String(number)}`, objects: [key] },
      () => workOnObjects(lake, [key], progress, replayWith(how)),
    );
    terminal.out(options.json ? JSON.stringify(results) : showResults(results));
    if (results.some(({ status }) => status !== 'done')) throw new CommandError('the record is not done');
  });
}

async function takeEdited(
  { editText }: DlqDeps,
  raw: Uint8Array,
  options: EditRecordOptions,
): Promise<Uint8Array> {
  const edits = parseEdits(options);
  if (options.file !== undefined) {
    if (edits.length > 0) throw new UsageError('give either --file, or --set and --unset');
    try {
      return await readFile(options.file);
    } catch (error) {
      throw new UsageError(`--file: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (edits.length > 0) {
    const edited = applyEdits(raw, edits);
    if ('problem' in edited) throw new CommandError(edited.problem);
    return edited;
  }
  if (editText === undefined) {
    throw new UsageError('say what to change: --set, --unset or --file; or set EDITOR and use a terminal');
  }
  if (!isUtf8(raw)) throw new CommandError('the record is no text; write the whole record with --file');
  // Editors end a text with a line break, which a record has not.
  return Buffer.from((await editText(Buffer.from(raw).toString())).trimEnd());
}
