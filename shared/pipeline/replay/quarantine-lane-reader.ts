import { hash } from 'node:crypto';
import { formatRowSet, parseRowSet } from '../../domain/row-set.ts';
import type { Source } from '../../domain/source.ts';
import { readStagedBatch, writeStagedBatch } from '../../domain/staged-batch.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { LaneBatch, LaneReader } from '../lane.ts';
import { toLaneEntries } from '../staged-entries.ts';
import { fillBatch, toParts, toSettled, type Candidate, type StayingRow } from './quarantine-candidates.ts';

const STEM_DIGITS = 16;

/** Rows of a file that are to be done, and those that stay. */
export interface QuarantineOffer {
  readonly candidates: readonly Candidate[];
  readonly staying: readonly StayingRow[];
}

export interface QuarantineLaneReader extends LaneReader {
  /** Whether this reader was the one that staged a row. */
  hasDecided(number: number): boolean;
  /** Rows that cannot be done, as far as they were looked at. */
  staying(): readonly StayingRow[];
}

/**
 * Reads what is to be done with a file of the quarantine. What is offered together is staged before anything else
 * happens with it: whoever comes next finishes that first, whatever they wanted themselves.
 *
 * @param prepare what is wanted, given the rows that are done
 */
export function createQuarantineReader(
  {
    sources,
    stage,
    clock,
  }: {
    readonly sources: ReadonlyMap<string, Source>;
    readonly stage: BatchStage;
    readonly clock: Pick<Clock, 'nowMs'>;
  },
  lane: string,
  prepare: (done: ReadonlySet<number>) => QuarantineOffer,
): QuarantineLaneReader {
  const decided = new Set<number>();
  let prepared: QuarantineOffer | undefined;
  return {
    lane,
    hasDecided: (number) => decided.has(number),
    staying: () => prepared?.staying ?? [],
    async read(state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
      const done = parseRowSet(state.position);
      let staged = await stage.find(lane, state.commits);
      if (staged === undefined) {
        prepared ??= prepare(done);
        const pending = prepared.candidates.filter(({ number }) => !done.has(number));
        const batch = fillBatch(pending, maxBytes);
        if (batch.length === 0) return undefined;
        const to = formatRowSet(new Set([...done, ...batch.map(({ number }) => number)]));
        const draft = writeStagedBatch({
          to,
          parts: toParts(batch, clock.nowMs()),
          settled: toSettled(batch),
        });
        staged = await stage.decide(lane, state.commits, draft);
        if (draft.equals(staged)) for (const { number } of batch) decided.add(number);
      }
      const { to, parts, settled } = readStagedBatch(staged);
      return {
        from: state.position ?? formatRowSet(new Set()),
        to,
        stem: `replay-${hash('sha256', lane).slice(0, STEM_DIGITS)}-${String(state.commits)}`,
        entries: toLaneEntries(sources, parts),
        ...(settled !== undefined && { settled }),
      };
    },
  };
}
