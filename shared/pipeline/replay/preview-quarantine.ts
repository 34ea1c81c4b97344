import { Verdict } from '../../domain/claims.ts';
import { parseRowSet } from '../../domain/row-set.ts';
import { readStagedBatch } from '../../domain/staged-batch.ts';
import { peekBatch } from '../claim-batch.ts';
import { planBatch } from '../plan-batch.ts';
import { toLaneEntries } from '../staged-entries.ts';
import { fillBatch, toParts, type StayingRow } from './quarantine-candidates.ts';
import { quarantineLane, readFile, selectRows } from './quarantine-file.ts';
import {
  assertSource,
  toOffer,
  type ReplayQuarantineDeps,
  type ReplayQuarantineOptions,
} from './replay-quarantine.ts';

/** What a replay would do now; records that others push meanwhile may change it. */
export interface QuarantinePreview {
  /** Rows of the file that were selected. */
  readonly selected: number;
  /** Selected rows that are done: replayed, or given up. */
  readonly done: number;
  /** Selected rows that a replay has begun with and not ended: the next one finishes them first, as it was decided then. */
  readonly begun: number;
  /** Records that would land. */
  readonly landing: number;
  /** Records that would be duplicates of others that have landed. */
  readonly duplicates: number;
  /** Records that would go to a new file of the quarantine: others have their keys. */
  readonly conflicts: number;
  /** Selected rows that would stay in the file, and why. */
  readonly staying: readonly StayingRow[];
}

/**
 * Says what `replayQuarantine` would do, and changes nothing.
 *
 * @throws RejectedError with code `QUARANTINE_FILE_MISSING`, or `REPLAY_SOURCE_UNKNOWN` for `options.source`
 * @throws HeadgateError when a store fails
 */
export async function previewQuarantine(
  deps: Pick<ReplayQuarantineDeps, 'sources' | 'ledger' | 'stage' | 'claimLog' | 'quarantine'>,
  key: string,
  options: Pick<ReplayQuarantineOptions, 'select' | 'edit' | 'source'>,
): Promise<QuarantinePreview> {
  assertSource(deps.sources, options.source);
  const { rows } = await readFile(deps.quarantine, key);
  const selected = selectRows(rows, options.select);
  const lane = quarantineLane(key);
  const state = await deps.ledger.read(lane);
  const done = parseRowSet(state.position);
  const staged = await deps.stage.find(lane, state.commits);
  const decided = staged === undefined ? done : parseRowSet(readStagedBatch(staged).to);
  const count = (rowsOf: ReadonlySet<number>): number =>
    [...selected.keys()].filter((number) => rowsOf.has(number)).length;
  const offer = toOffer(deps.sources, selected, decided, options);
  const preview = { landing: 0, duplicates: 0, conflicts: 0 };
  // Batch by batch, as the replay does: records of one batch that have one key are decided together.
  for (let rest = offer.candidates; rest.length > 0;) {
    const batch = fillBatch(rest, Infinity);
    rest = rest.slice(batch.length);
    const entries = toLaneEntries(deps.sources, toParts(batch, 0));
    const laneBatch = { from: '', to: '', stem: '', entries };
    const plan = planBatch(laneBatch);
    const verdicts = await peekBatch(deps, laneBatch, plan);
    preview.conflicts += plan.quarantine.length;
    for (const { slices } of plan.partitions) {
      for (const { frame, indices } of slices) {
        for (const index of indices) {
          const verdict = verdicts.get(frame)?.[index] ?? Verdict.own;
          if (verdict === Verdict.duplicate) preview.duplicates++;
          else if (verdict === Verdict.conflict) preview.conflicts++;
          else preview.landing++;
        }
      }
    }
  }
  return {
    selected: selected.size,
    done: count(done),
    begun: count(decided) - count(done),
    ...preview,
    staying: offer.staying,
  };
}
