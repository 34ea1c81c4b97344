import type { PulledSourceConfig } from './schema.ts';

/** How a source that is read on a schedule sees deletes; for people. */
export interface DeletesNote {
  /** `unseen`: rows that are deleted stay in the lake as they were. */
  readonly seen: 'snapshots' | 'entries' | 'reconciled' | 'unseen';
  readonly text: string;
}

/** What `validate` and `status` say about deletes. */
export function deletesNote(source: PulledSourceConfig): DeletesNote {
  switch (source.type) {
    case 'http':
    case 'files':
      return {
        seen: 'unseen',
        text: 'deletes are not seen: what is gone at the source stays in the lake',
      };
    case 'postgres':
    case 'mysql':
      break;
  }
  const { deletes, incremental, changeLog } = source;
  if (deletes !== undefined)
    return {
      seen: 'reconciled',
      text: `deletes are found every ${deletes.reconcile.every}, by comparing keys; until then deleted rows stay in the lake as they were`,
    };
  if (incremental !== undefined)
    return {
      seen: 'unseen',
      text: 'deletes are not seen by reading by cursor: deleted rows stay in the lake; `deletes.reconcile` finds them',
    };
  return changeLog === undefined
    ? { seen: 'snapshots', text: 'deletes are seen by snapshots: the newest one lacks what is gone' }
    : {
        seen: 'entries',
        text: 'deletes are seen only as entries: the change log must have a column that says that a row was deleted',
      };
}
