import { RejectedError } from '../../domain/errors.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import { parseRowSet } from '../../domain/row-set.ts';
import type { Source } from '../../domain/source.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { QuarantineReader } from '../../ports/quarantine-reader.ts';
import { runLane, type LandDeps, type RunOptions, type RunOutcome } from '../land.ts';
import { toCandidate, type Candidate, type StayingRow } from './quarantine-candidates.ts';
import { quarantineLane, readSettledRows, selectRows, type SelectRow } from './quarantine-file.ts';
import { createQuarantineReader, type QuarantineOffer } from './quarantine-lane-reader.ts';

/*
 * Lands records that are in quarantine, once the contract or their payload is mended. What it guarantees, for one file any
 * number of times, by several operators at once, with different edits, and after a crash at any point: every row leaves
 * the file once at most, with one payload. It lands, or is a duplicate, or goes to a new file of the quarantine
 * (`KEY_CONFLICT`); rows that still violate the contract stay, and so do conflicts that nothing was changed about.
 *
 * How: a file has a lane of its own, whose position is the set of its rows that are done. What is offered together is
 * staged before any key is claimed: whoever comes next, after a crash too, finishes that first, edits included, because
 * its records may hold claims already. Records keep their identities, so they find their own claims.
 *
 * The file itself must be one that stays: while the announcement that names it is pending, whoever resolves that may
 * withdraw the file, and its records would land here and there.
 */

export interface ReplayQuarantineDeps extends LandDeps {
  readonly quarantine: QuarantineReader;
  readonly stage: BatchStage;
}

export interface ReplayQuarantineOptions extends RunOptions {
  /** Which rows to replay; all by default. `number` counts from 0. */
  readonly select?: SelectRow;
  /** The payload to replay instead of a row's own, or why there is none: then the row stays. */
  readonly edit?: (row: QuarantineRow, number: number) => EditedPayload;
  /** Source that rows of an unknown source belong to. */
  readonly source?: string;
}

/** A payload that was changed by hand, or what was in the way. */
export type EditedPayload = Uint8Array | { readonly problem: string };

export interface QuarantineReplay {
  /** Whether everything that can be replayed now is done; otherwise the deadline came first: replay it again. */
  readonly finished: boolean;
  /** Rows of the file that were selected. */
  readonly selected: number;
  /** Selected rows that are done now. */
  readonly done: number;
  /** Those of them that others have done, or an earlier replay: perhaps with other edits than this one's. */
  readonly alreadyDone: number;
  /** Selected rows that stay in the file, and why. */
  readonly stillViolating: readonly StayingRow[];
  readonly commits: number;
  /**
   * What this replay committed, by source: records that landed, duplicates, and those that went to a new quarantine file
   * (`quarantined`), a key conflict as a rule. Others who finish or resolve the same rows count what they commit.
   */
  readonly counts: RunOutcome['counts'];
}

/**
 * Replays a file of the quarantine.
 *
 * @param key the object's key, `quarantine/…`
 * @throws RejectedError with code `QUARANTINE_FILE_MISSING`, or `REPLAY_SOURCE_UNKNOWN` for `options.source`
 * @throws HeadgateError when a store fails; everything committed so far stays committed
 */
export async function replayQuarantine(
  deps: ReplayQuarantineDeps,
  key: string,
  options: ReplayQuarantineOptions,
): Promise<QuarantineReplay> {
  assertSource(deps.sources, options.source);
  const rows = await readSettledRows(deps, key, options);
  if (rows === undefined) return NOTHING_YET;
  const selected = selectRows(rows, options.select);
  const lane = quarantineLane(key);
  const reader = createQuarantineReader(deps, lane, (done) => toOffer(deps.sources, selected, done, options));
  const run = await runLane(deps, reader, options);
  const done = parseRowSet((await deps.ledger.read(lane)).position);
  const doneNow = [...selected.keys()].filter((number) => done.has(number));
  return {
    ...run,
    selected: selected.size,
    done: doneNow.length,
    alreadyDone: doneNow.filter((number) => !reader.hasDecided(number)).length,
    stillViolating: reader.staying().filter(({ number }) => !done.has(number)),
  };
}

const NOTHING_YET: QuarantineReplay = {
  finished: false,
  selected: 0,
  done: 0,
  alreadyDone: 0,
  stillViolating: [],
  commits: 0,
  counts: new Map(),
};

/** @throws RejectedError with code `REPLAY_SOURCE_UNKNOWN` */
export function assertSource(sources: ReadonlyMap<string, Source>, name: string | undefined): void {
  if (name === undefined || sources.has(name)) return;
  throw new RejectedError(
    'REPLAY_SOURCE_UNKNOWN',
    `source ${JSON.stringify(name)} is not declared in this configuration; there are: ${[...sources.keys()].join(', ')}`,
  );
}

/** What of the selected rows can be replayed, and what stays. */
export function toOffer(
  sources: ReadonlyMap<string, Source>,
  selected: ReadonlyMap<number, QuarantineRow>,
  done: ReadonlySet<number>,
  { edit, source }: Pick<ReplayQuarantineOptions, 'edit' | 'source'>,
): QuarantineOffer {
  const candidates: Candidate[] = [];
  const staying: StayingRow[] = [];
  for (const [number, row] of selected) {
    if (done.has(number)) continue;
    const edited = edit?.(row, number);
    if (edited !== undefined && 'problem' in edited) {
      staying.push({ number, id: row.id, problems: [edited.problem] });
      continue;
    }
    const candidate = toCandidate(sources, source, number, row, edited);
    if ('problems' in candidate) staying.push(candidate);
    else candidates.push(candidate);
  }
  return { candidates, staying };
}
