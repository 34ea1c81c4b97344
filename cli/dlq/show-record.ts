import { isUtf8 } from 'node:buffer';
import { QUARANTINE_REASONS } from '../../shared/domain/quarantine.ts';
import { parseRowSet } from '../../shared/domain/row-set.ts';
import { quarantineLane } from '../../shared/pipeline/replay/quarantine-file.ts';
import { previewQuarantine } from '../../shared/pipeline/replay/preview-quarantine.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { findRecord } from './find-record.ts';
import type { SelectionOptions } from './selection.ts';
import { withLake } from './with-lake.ts';

/** Bytes of a record that are no text which are shown. */
const SHOWN_BYTES = 512;
/** Operations that are looked through for those with a file. */
const MAX_HISTORY = 10_000;

/** `headgate dlq show` */
export async function showRecord(
  deps: DlqDeps,
  reference: string,
  options: DlqOptions & SelectionOptions,
): Promise<void> {
  await withLake(deps, options, async (lake, selection) => {
    const { key, number, row } = await findRecord(lake, reference, selection);
    const [state, preview, trail] = await Promise.all([
      lake.engine.ledger.read(quarantineLane(key)),
      previewQuarantine(lake.engine, key, { select: (_row, at) => at === number }),
      lake.audit.list(row.receivedAtMs, MAX_HISTORY),
    ]);
    const isDone = parseRowSet(state.position).has(number);
    const attempts = trail.filter(({ phase, objects }) => phase === 'begun' && objects.includes(key));
    const text = isUtf8(row.raw) ? Buffer.from(row.raw).toString() : undefined;
    const problems = preview.staying.flatMap((staying) => staying.problems);
    const facts = {
      ref: `${key}#${String(number)}`,
      id: row.id,
      source: row.source,
      reason: row.reason,
      error: row.error,
      receivedAt: new Date(row.receivedAtMs).toISOString(),
      contract: row.schemaVersion ?? null,
      status: isDone ? 'done' : 'open',
      attempts: attempts.length,
      lastAttempt: attempts.at(-1) === undefined ? null : new Date(attempts.at(-1)?.atMs ?? 0).toISOString(),
      wouldLand: preview.landing > 0,
      problems,
    };
    if (options.json) {
      const raw = text === undefined ? { base64: Buffer.from(row.raw).toString('base64') } : { raw: text };
      deps.terminal.out(JSON.stringify({ ...facts, ...raw }));
      return;
    }
    const now = isDone
      ? 'it is done: it was replayed or given up'
      : preview.landing > 0
        ? 'it would land'
        : preview.duplicates > 0
          ? 'it would be a duplicate: a record with its key has landed'
          : preview.conflicts > 0
            ? 'another record has its key'
            : preview.begun > 0
              ? 'a replay has begun with it; the next one ends it'
              : `it would stay: ${problems.join('; ')}`;
    const rows: readonly (readonly [string, string])[] = [
      ['record', facts.ref],
      ['identity', row.id],
      ['source', row.source],
      ['reason', `${row.reason}: ${QUARANTINE_REASONS[row.reason].meaning}`],
      ['error', row.error],
      ['received', facts.receivedAt],
      ['contract', row.schemaVersion ?? 'none was known'],
      [
        'attempts',
        facts.lastAttempt === null ? '0' : `${String(attempts.length)}, the last at ${facts.lastAttempt}`,
      ],
      ['as it is now', now],
      ['what to do', QUARANTINE_REASONS[row.reason].next],
    ];
    deps.terminal.out(
      [...rows.map(([name, value]) => `${name.padEnd(13)} ${value}`), '', text ?? toHexLines(row.raw)].join(
        '\n',
      ),
    );
  });
}

/** Bytes that are no text, for people. */
function toHexLines(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES))
    .toString('hex')
    .replaceAll(/(.{2})/g, '$1 ')
    .replaceAll(/(.{96})/g, '$1\n');
  const more = bytes.length - SHOWN_BYTES;
  return more > 0 ? `${shown}\n… and ${String(more)} bytes more; --json has all of them` : shown;
}
