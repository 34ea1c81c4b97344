import Table from 'cli-table3';
import type { QuarantinePreview } from '../../shared/pipeline/replay/preview-quarantine.ts';
import type { ReplayedObject } from './replay-objects.ts';

/** Problems of one object that a table shows. */
const SHOWN_PROBLEMS = 5;

/** What became of objects, for people. */
export function showResults(results: readonly ReplayedObject[]): string {
  const table = new Table({
    head: ['object', 'status', 'landed', 'duplicates', 'quarantined again', 'done before', 'staying'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  table.push(
    ...results.map((result) => [
      result.key,
      result.status,
      result.landed,
      result.duplicates,
      result.quarantined,
      result.alreadyDone,
      result.staying,
    ]),
  );
  return [table.toString(), ...results.flatMap(({ key, problems }) => showProblems(key, problems))].join(
    '\n',
  );
}

/** What a replay of an object would do. */
export interface PreviewedObject extends Omit<QuarantinePreview, 'staying'> {
  readonly key: string;
  readonly staying: number;
  readonly problems: readonly string[];
}

/** What a replay would do, for people. */
export function showPreviews(previews: readonly PreviewedObject[]): string {
  const table = new Table({
    head: ['object', 'would land', 'duplicates', 'conflicts', 'begun', 'done', 'would stay'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  table.push(
    ...previews.map((preview) => [
      preview.key,
      preview.landing,
      preview.duplicates,
      preview.conflicts,
      preview.begun,
      preview.done,
      preview.staying,
    ]),
  );
  return [
    table.toString(),
    ...previews.flatMap(({ key, problems }) => showProblems(key, problems)),
    'Nothing was changed.',
  ].join('\n');
}

function showProblems(key: string, problems: readonly string[]): readonly string[] {
  if (problems.length === 0) return [];
  const more = problems.length - SHOWN_PROBLEMS;
  const rest = more > 0 ? [`  … and ${String(more)} more; --json shows all`] : [];
  return [key, ...problems.slice(0, SHOWN_PROBLEMS).map((problem) => `  ${problem}`), ...rest];
}
