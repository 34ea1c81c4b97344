import { parseColumnType } from '../domain/column-type.ts';

/** What decides whether deletes are seen. */
interface DeleteRules {
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, string>>;
  readonly changes: 'append' | 'upserts' | 'upserts-and-deletes';
  readonly incremental?: object | undefined;
  readonly changeLog?: object | undefined;
  readonly deletes?: object | undefined;
}

/** A mistake: where, and what to do. */
interface DeletesProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Refuses a database source that is said to have deletes and is read in a way that cannot see them: the lake would
 * keep deleted rows in silence.
 */
export function deletesProblems(source: DeleteRules): readonly DeletesProblem[] {
  const { key, columns, changes, incremental, changeLog, deletes } = source;
  const hasDeletes = changes === 'upserts-and-deletes';
  if (deletes === undefined) {
    if (!hasDeletes || incremental === undefined) return [];
    return [
      {
        path: ['changes'],
        message:
          'is "upserts-and-deletes", and reading by cursor does not see deletes: set `deletes: { reconcile: { every: "1 day" } }`; ' +
          'or read the whole table (without `incremental`) or a `changeLog`; or say "upserts", and deleted rows stay in the lake',
      },
    ];
  }
  if (incremental === undefined) {
    const why =
      changeLog === undefined
        ? 'every run reads the whole table, whose newest snapshot lacks what was deleted'
        : 'a change log brings deletes as entries';
    return [{ path: ['deletes'], message: `has no effect without \`incremental\`: ${why}; remove it` }];
  }
  const problems: DeletesProblem[] = [];
  if (!hasDeletes)
    problems.push({
      path: ['changes'],
      message: `is "${changes}"; it must be "upserts-and-deletes" with \`deletes\`, or remove \`deletes\``,
    });
  key.forEach((name, i) => {
    const kind = parseColumnType(columns[name] ?? '')?.kind;
    if (kind !== 'list' && kind !== 'json') return;
    problems.push({
      path: ['key', i],
      message: `"${name}" is ${columns[name] ?? ''}, which has more than one text for the same value; with \`deletes\` keys are compared, so it must be of another type`,
    });
  });
  return problems;
}

/** The same of sources that bring records as somebody else has written them. */
export function unseenDeletes({
  type,
  changes,
}: {
  readonly type: string;
  readonly changes: string;
}): string | undefined {
  if (changes !== 'upserts-and-deletes' || (type !== 'http' && type !== 'files')) return undefined;
  const what =
    type === 'http' ? 'an API that no longer returns a record' : 'an object that no longer has a record';
  return (
    `is "upserts-and-deletes", and nothing tells Headgate that a record was deleted: ${what} is not noticed. Say "upserts"; ` +
    'records that carry a mark of their own, such as a field deletedAt, land with it'
  );
}
