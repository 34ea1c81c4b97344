import type { QuarantineRow } from '../../domain/quarantine.ts';
import { parseRowSet } from '../../domain/row-set.ts';
import type { Candidate } from './quarantine-candidates.ts';
import { runLane, type RunOptions } from '../land.ts';
import { quarantineLane, readSettledRows, selectRows, type SelectRow } from './quarantine-file.ts';
import { createQuarantineReader } from './quarantine-lane-reader.ts';
import type { ReplayQuarantineDeps } from './replay-quarantine.ts';

export interface QuarantineDiscard {
  /** Whether all selected rows are done; otherwise the deadline came first. */
  readonly finished: boolean;
  /** Rows of the file that were selected. */
  readonly selected: number;
  /** Selected rows that this call has given up. */
  readonly discarded: number;
  /** Selected rows that were done otherwise: they had landed, or were given up before. */
  readonly alreadyDone: number;
}

/**
 * Gives up rows of a quarantine file: from then on they count as done, and no replay lands them. The file stays as it is.
 * It is decided as replays are, so of a replay and a discard of one row, at the same time too, one happens.
 *
 * @throws RejectedError with code `QUARANTINE_FILE_MISSING`
 * @throws HeadgateError when a store fails; everything committed so far stays committed
 */
export async function discardQuarantine(
  deps: ReplayQuarantineDeps,
  key: string,
  options: RunOptions & { readonly select?: SelectRow },
): Promise<QuarantineDiscard> {
  const rows = await readSettledRows(deps, key, options);
  if (rows === undefined) return { finished: false, selected: 0, discarded: 0, alreadyDone: 0 };
  const selected = selectRows(rows, options.select);
  const lane = quarantineLane(key);
  const reader = createQuarantineReader(deps, lane, (done) => ({
    candidates: [...selected].flatMap(([number, row]) => (done.has(number) ? [] : [toNothing(number, row)])),
    staying: [],
  }));
  const { finished } = await runLane(deps, reader, options);
  const done = parseRowSet((await deps.ledger.read(lane)).position);
  const doneNow = [...selected.keys()].filter((number) => done.has(number));
  const discarded = doneNow.filter((number) => reader.hasDecided(number)).length;
  return { finished, selected: selected.size, discarded, alreadyDone: doneNow.length - discarded };
}

const toNothing = (number: number, { source, receivedAtMs }: QuarantineRow): Candidate => ({
  number,
  origin: '',
  index: 0,
  bytes: 0,
  partitions: [],
  arrivedAtMs: receivedAtMs,
  attempts: 0,
  countedFor: source,
  content: { kind: 'nothing' },
});
