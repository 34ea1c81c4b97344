import { BlockedError, TransientError } from '../../domain/errors.ts';

/*
 * What both databases say about a source that cannot be read, in the same words. A message names what is there and what
 * to do next; it never holds a value of a row or a secret.
 */

const MAX_SHOWN = 60;

/** Names for a message. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_SHOWN).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${String(more)} more` : '');
}

/** @param relation for people, such as `the table public.orders` */
export function noColumn(
  relation: string,
  missing: readonly string[],
  present: readonly string[],
): BlockedError {
  return new BlockedError(
    'DB_NO_COLUMN',
    `${relation} has no column ${list(missing)}; it has ${list(present)}. If it was dropped or renamed, change ` +
      '`columns` (and `key`, `incremental`, `changeLog`, `eventTime`, where they name it) and deploy again',
  );
}

export function newColumn(relation: string, names: readonly string[]): BlockedError {
  return new BlockedError(
    'DB_NEW_COLUMN',
    `${relation} has the new column ${list(names)}, and \`undeclared\` is "freeze": declare it in \`columns\` ` +
      '(`headgate discover` prints its type), or set `undeclared: "evolve"` to keep such columns in `_extra`',
  );
}

/** A column whose type in the database cannot be read as the declared one. */
export interface ChangedType {
  readonly name: string;
  readonly declared: string;
  readonly databaseType: string;
  /** The word that holds all of its values. */
  readonly columnType: string;
}

export function typeChanged(relation: string, changed: readonly ChangedType[]): BlockedError {
  const problems = changed.map(
    ({ name, declared, databaseType, columnType }) =>
      `"${name}" is ${databaseType}, which does not fit into ${declared} (use "${columnType}" or "text")`,
  );
  return new BlockedError(
    'DB_TYPE_CHANGED',
    `${relation}: ${problems.join('; ')}. Change the type in \`columns\` and deploy again. A lake column keeps its type: ` +
      'if rows have landed with the other one, give the column a new source or convert it in the database (`query`)',
  );
}

export function nullCursor(relation: string, column: string, rows: number | undefined): BlockedError {
  const count = rows === undefined ? 'rows' : `${String(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  return new BlockedError(
    'DB_CURSOR_NULL',
    `${relation} has ${count} whose cursor "${column}" is null: no read by cursor would ever see them. Fill it ` +
      '(and make the column NOT NULL), choose another cursor, or read a `query` that leaves them out on purpose',
  );
}

export function nullKey(relation: string, columns: readonly string[]): BlockedError {
  return new BlockedError(
    'DB_KEY_NULL',
    `${relation} has rows in which a key column is null (key: ${list(columns)}): rows with equal cursors could not be ` +
      'told apart, and some would be missed. Choose a key without nulls: the primary key',
  );
}

/** @param grant what an administrator runs, such as `GRANT pg_read_all_stats TO "headgate"` */
export function noHorizon(reason: string, grant: string): BlockedError {
  return new BlockedError(
    'DB_NO_HORIZON',
    `${reason}. Without it, rows that a slow transaction commits late would be missed. ${grant}; or set ` +
      '`incremental.lookback` to longer than the longest transaction (the cursor has to be a time)',
  );
}

export function standby(): BlockedError {
  return new BlockedError(
    'DB_STANDBY',
    'the server is a replica, which does not know the open transactions of the primary: name the primary in ' +
      '`connection.host`, or set `incremental.lookback`, or read without `incremental`',
  );
}

/** The connection was lost, or never made. Of the cause only its code is shown: drivers put more into their messages. */
export function connectionLost(address: string, cause: unknown): TransientError {
  const code = cause instanceof Error ? (cause as { readonly code?: unknown }).code : undefined;
  const why = typeof code === 'string' && code !== '' ? ` (${code})` : '';
  return new TransientError(
    'DB_UNREACHABLE',
    `the database at ${address} does not answer${why}: check \`connection.host\`, \`port\` and \`network\`, and that ` +
      'its security group lets the function in',
    { cause },
  );
}

export function timedOut(what: string, cause?: unknown): TransientError {
  return new TransientError(
    'DB_TIMEOUT',
    `${what} took too long and was ended; if this goes on, raise \`connection.statementTimeout\`, add the index that ` +
      '`headgate discover` asks for, or read less at once (`rowsPerSplit`)',
    cause === undefined ? undefined : { cause },
  );
}
