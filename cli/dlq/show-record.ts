import { isUtf8 } from 'node:buffer';
import { QUARANTINE_REASONS } from '../../shared/domain/quarantine.ts';
import { parseRowSet } from '../../shared/domain/row-set.ts';
import { quarantineLane } from '../../shared/pipeline/replay/quarantine-file.ts';
import { previewQuarantine } from '../../shared/pipeline/replay/preview-quarantine.ts';
import { attemptsOf, readTrail } from './attempts-of.ts';
import type { DlqDeps, DlqOptions } from './dlq-deps.ts';
import { PARKED_PREFIX } from './find-objects.ts';
import { findRecord } from './find-record.ts';
import type { SelectionOptions } from './selection.ts';
import { showDelivery } from './show-delivery.ts';
import { withLake } from './with-lake.ts';

/** Bytes of a record that are no text which are shown. */
const SHOWN_BYTES = 512;

/** `headgate dlq show` */
export async function showRecord(
  deps: DlqDeps,
  reference: string,
  options: DlqOptions & SelectionOptions,
): Promise<void> {
  await withLake(deps, options, async (lake, selection) => {
    if (reference.startsWith(PARKED_PREFIX)) {
      await showDelivery(deps.terminal, lake, reference, options.json === true);
      return;
    }
    const record = await findRecord(lake, reference, selection);
    const { key, number, row } = record;
    const [state, preview, trail] = await Promise.all([
      lake.engine.ledger.read(quarantineLane(key)),
      previewQuarantine(lake.engine, key, { select: (_row, at) => at === number }),
      readTrail(lake.audit, [record]),
    ]);
    const isDone = parseRowSet(state.position).has(number);
    const attempts = attemptsOf(record, trail);
    const text = isUtf8(row.raw) ? Buffer.from(row.raw).toString() : undefined;
    const problems = preview.staying.flatMap((staying) => staying.problems);
    const facts = {
      ref: `${key}#${String(number)}`,
      id: row.id,
      source: row.source,
      reason: row.reason,
      error: row.error,
      contract: row.schemaVersion ?? null,
      status: isDone ? 'done' : 'open',
      ...attempts,
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
      ['first seen', facts.firstSeenAt],
      ['last seen', facts.lastSeenAt],
      ['contract', row.schemaVersion ?? 'none was known'],
      ['attempts', String(facts.attempts)],
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
