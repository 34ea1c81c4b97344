import Table from 'cli-table3';
import { attemptsOf, readTrail, type Attempts } from './attempts-of.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { PARKED_PREFIX } from './find-objects.ts';
import {
  groupQuarantine,
  listRecords,
  summariseParked,
  type ListedRecord,
  type ParkedSummary,
  type QuarantineGroup,
} from './list-dead-letters.ts';
import type { SelectionOptions } from './selection.ts';
import { withLake } from './with-lake.ts';

interface ListOptions extends DlqOptions, SelectionOptions {
  readonly records?: true;
  readonly limit: number;
  readonly all?: true;
}

/** Characters of an error that a table shows. */
const SHOWN_ERROR = 100;

/** `headgate dlq list` */
export async function listDeadLetters(deps: DlqDeps, options: ListOptions): Promise<void> {
  const { terminal } = deps;
  await withLake(deps, options, async (lake, selection) => {
    // What single records say is asked for where the selection goes further than the names of files.
    if (options.records || options.id !== undefined) {
      const records = await listRecords(lake, selection, options.limit, options.all === true);
      if (options.json) {
        const trail = await readTrail(lake.audit, records);
        terminal.out(JSON.stringify(records.map((record) => toPlain(record, attemptsOf(record, trail)))));
      } else terminal.out(showRecords(records, options.limit));
      return;
    }
    const [groups, parked] = await Promise.all([
      groupQuarantine(lake, selection),
      selection.isNarrow ? undefined : summariseParked(lake, PARKED_PREFIX),
    ]);
    const shown = groups.filter(({ open }) => open > 0 || options.all);
    terminal.out(
      options.json
        ? JSON.stringify({ quarantine: shown, parked: parked ?? null })
        : showGroups(shown, parked),
    );
  });
}

function toPlain({ ref, row, isDone }: ListedRecord, attempts: Attempts): Record<string, unknown> {
  const { source, reason, id, key, schemaVersion, error } = row;
  return {
    ref,
    source,
    reason,
    id,
    key,
    schemaVersion,
    error,
    ...attempts,
    isDone,
  };
}

function showGroups(groups: readonly QuarantineGroup[], parked: ParkedSummary | undefined): string {
  const lines: string[] = [];
  if (groups.length > 0) {
    const table = new Table({
      head: ['source', 'reason', 'open', 'done', 'files', 'received'],
      colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
      style: { head: [], border: [] },
    });
    table.push(
      ...groups.map(({ source, reason, open, done, files, oldest, newest }) => [
        source,
        reason,
        open,
        done,
        files,
        oldest === newest ? oldest : `${oldest} to ${newest}`,
      ]),
    );
    lines.push(table.toString());
    for (const [reason, next] of new Map(groups.map((group) => [group.reason, group.next])))
      lines.push(`${reason}: ${next}`);
    lines.push('Single records: headgate dlq list --records, with --source and --reason');
  } else lines.push('Nothing is open in quarantine.');
  if (parked !== undefined && parked.open > 0) {
    lines.push(
      `${String(parked.open)} stream records are parked since ${parked.oldest ?? ''}: mend the cause, then: headgate dlq replay ${PARKED_PREFIX}`,
    );
  }
  for (const key of parked?.unreadable ?? []) lines.push(`${key} cannot be read as a parked delivery`);
  return lines.join('\n');
}

function showRecords(records: readonly ListedRecord[], limit: number): string {
  if (records.length === 0) return 'No such record is open in quarantine.';
  const table = new Table({
    head: ['received', 'source', 'reason', 'identity', 'error'],
    style: { head: [], border: [] },
  });
  table.push(
    ...records.map(({ row: { receivedAtMs, source, reason, id, error }, isDone }) => [
      new Date(receivedAtMs).toISOString(),
      source,
      isDone ? `${reason} (done)` : reason,
      id,
      error.length > SHOWN_ERROR ? `${error.slice(0, SHOWN_ERROR)}…` : error,
    ]),
  );
  const more = records.length === limit ? [`The newest ${String(limit)}; --limit shows more.`] : [];
  return [table.toString(), ...more, 'One of them whole: headgate dlq show <identity>'].join('\n');
}
