import Table from 'cli-table3';
import type { AuditEntry } from '../../shared/domain/audit-entry.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { parseTime } from './selection.ts';
import { withLake } from './with-lake.ts';

interface HistoryOptions extends DlqOptions {
  readonly from: string;
  readonly limit: number;
}

/** `headgate dlq history` */
export async function showHistory(deps: DlqDeps, { from, limit, ...options }: HistoryOptions): Promise<void> {
  const { terminal, clock } = deps;
  const sinceMs = parseTime(from, '--from', clock.nowMs());
  await withLake(deps, options, async ({ audit }) => {
    // A run has two entries.
    const entries = await audit.list(sinceMs, 2 * limit);
    if (options.json) terminal.out(JSON.stringify(entries));
    else if (entries.length === 0)
      terminal.out(`Nothing was replayed, edited or given up since ${new Date(sinceMs).toISOString()}.`);
    else terminal.out(toTable(entries));
  });
}

function toTable(entries: readonly AuditEntry[]): string {
  const table = new Table({
    head: ['when', 'who', 'what', 'asked', 'objects', 'outcome'],
    colAligns: ['left', 'left', 'left', 'left', 'right', 'left'],
    style: { head: [], border: [] },
  });
  const ended = new Map(entries.flatMap((entry) => (entry.phase === 'ended' ? [[entry.run, entry]] : [])));
  const runs = entries.filter(
    ({ run, phase }) =>
      phase === 'begun' || !entries.some((other) => other.run === run && other.phase === 'begun'),
  );
  table.push(
    ...runs.map(({ atMs, who, action, asked, why, objects, run }) => [
      new Date(atMs).toISOString(),
      who,
      action,
      why === undefined ? asked : `${asked} (${why})`,
      objects.length,
      toText(ended.get(run)),
    ]),
  );
  return table.toString();
}

function toText(ended: AuditEntry | undefined): string {
  if (ended?.outcome === undefined) return 'cut off, or at work';
  const parts = Object.entries(ended.outcome).filter(([, count]) => count > 0);
  return parts.length === 0
    ? 'nothing'
    : parts.map(([name, count]) => `${String(count)} ${NAMES[name as keyof typeof NAMES]}`).join(', ');
}

const NAMES = {
  landed: 'landed',
  duplicates: 'duplicates',
  quarantined: 'quarantined again',
  discarded: 'given up',
  alreadyDone: 'done before',
  staying: 'stay',
  failed: 'objects failed',
} as const;
