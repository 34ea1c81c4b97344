import type { PagedSourceConfig } from '../../config/schema.ts';
import { backfillLane, isOpen, parseBackfill, type Backfill } from '../../domain/backfill.ts';
import type { Source } from '../../domain/source.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LaneReader } from '../lane.ts';
import { toFanOut } from './run-backfill.ts';

/** Of the budget of a source that is backfilled: what its own runs have. The windows share the rest. */
const SHARE_OF_RUNS = 0.5;

/** Which share of its `apiBudget` a source may be asked with: budgets are those of a process, and a backfill has several. */
export interface BudgetShares {
  /** Above 0 and up to 1. */
  of(source: Pick<Source, 'name'>): number;
  /** The reader of one of the source's own runs: before each batch it looks whether the source is backfilled. */
  forRuns<Reader extends LaneReader>(source: Source<PagedSourceConfig>, reader: Reader): Reader;
  /** What follows is done for the source's backfill. */
  forBackfill(source: Source<PagedSourceConfig>): Promise<void>;
}

/** Makes the shares of a process that does one thing at a time. */
export function createBudgetShares(ledger: LedgerStore): BudgetShares {
  const shares = new Map<string, number>();

  async function openBackfill({ name }: Source<PagedSourceConfig>): Promise<Backfill | undefined> {
    const backfill = parseBackfill(name, (await ledger.read(backfillLane(name))).position);
    return backfill !== undefined && isOpen(backfill) ? backfill : undefined;
  }

  return {
    of: ({ name }) => shares.get(name) ?? 1,
    forRuns(source, reader) {
      const { apiBudget, incremental } = source.config;
      if (apiBudget === undefined || incremental === undefined) return reader;
      return {
        ...reader,
        read: async (state, maxBytes) => {
          shares.set(source.name, (await openBackfill(source)) === undefined ? 1 : SHARE_OF_RUNS);
          return await reader.read(state, maxBytes);
        },
      };
    },
    async forBackfill(source) {
      if (source.config.apiBudget === undefined) return;
      const backfill = await openBackfill(source);
      const slots = backfill?.plan === undefined ? 1 : toFanOut(source.name, backfill, backfill.plan).slots;
      shares.set(source.name, (1 - SHARE_OF_RUNS) / slots);
    },
  };
}
