import { RejectedError, TransientError } from '../../domain/errors.ts';
import { comparePositions } from '../../domain/identity.ts';
import type { ParkedDelivery } from '../../domain/parked-delivery.ts';
import { RANGE_RETENTION_MS } from '../../domain/range-retention.ts';
import { replayLane, streamLane, type StreamBatch, type StreamRecord } from '../../domain/stream-batch.ts';
import type { CommittedRange, LedgerState } from '../../ports/ledger-store.ts';
import type { Source } from '../../domain/source.ts';
import { readSettled, runLane, type LandDeps, type RunOptions, type RunOutcome } from '../land.ts';
import type { LaneBatch, LaneReader } from '../lane.ts';
import { createRecordTaker } from '../stream-reader.ts';

/*
 * Lands what a stream's function gave up on, from the document that Lambda has parked. What it guarantees, for the same
 * document any number of times, for documents that overlap, by several operators at once and after a crash at any point:
 * every record of the document is in the lake (or counted as a duplicate, or in quarantine) once.
 *
 * How: (1) the shard's own lane is ceded up to the last record of the document: from then on nobody commits any of these
 * records there, a function that has outlived its time-out neither; (2) what the lane's range log covers is landed. The
 * lane's position would not do: it has passed records that were parked; (3) the engine lands the others on a lane of
 * their own, under their original origins, so that they find their own claims. What that lane has landed is in its own
 * range log.
 *
 * Ranges of one lane must not overlap, and a range stands for every record between its ends. So a batch is a run of
 * records that follow each other in the shard, with none among them that is landed already. It relies on deliveries being
 * without gaps: mappings of Headgate have no filter.
 */

export interface ReplayDeliveryDeps extends LandDeps {
  /** Name of each source's own stream → source. */
  readonly sourceOfStream: Readonly<Record<string, string>>;
}

export interface ReplayDeliveryOptions extends RunOptions {
  /**
   * How old the document must be, in ms; 20 minutes by default. A function that has outlived its time-out may still be
   * at work on the delivery, and ceding makes it work in vain; nothing else depends on it.
   */
  readonly minAgeMs?: number;
}

export interface DeliveryReplay {
  /** Whether all records of the document are in the lake now; otherwise the deadline came first: replay it again. */
  readonly finished: boolean;
  /** Stream records of the document. */
  readonly records: number;
  /** Stream records that were in the lake already when the replay began. */
  readonly alreadyLanded: number;
  readonly commits: number;
  /** What this replay committed, by source. */
  readonly counts: RunOutcome['counts'];
}

const MIN_AGE_MS = 20 * 60_000;
/** Documents are refused this long before the first range that may cover them can be gone. */
const AGE_MARGIN_MS = 24 * 60 * 60_000;
const MAX_CONFLICTS = 100;

/**
 * Replays a parked delivery.
 *
 * @throws RejectedError with code `REPLAY_TOO_YOUNG` or `REPLAY_TOO_OLD`; nothing has happened then
 * @throws HeadgateError when a store fails; everything committed so far stays committed
 */
export async function replayDelivery(
  deps: ReplayDeliveryDeps,
  delivery: ParkedDelivery,
  options: ReplayDeliveryOptions,
): Promise<DeliveryReplay> {
  const { batch } = delivery;
  assertAge(delivery, deps.clock.nowMs(), options.minAgeMs ?? MIN_AGE_MS);
  const records = batch.records.length;
  if (!(await cedeLane(deps, batch, options))) {
    return { finished: false, records, alreadyLanded: 0, commits: 0, counts: new Map() };
  }
  const reader = createReplayReader(deps, deps.sourceOfStream[batch.stream], batch);
  const run = await runLane(deps, reader, options);
  return { ...run, records, alreadyLanded: reader.alreadyLanded() };
}

/** Stream records of a delivery that are not in the lake, as the ledger has it now. */
export async function countUnlanded(
  { ledger }: Pick<LandDeps, 'ledger'>,
  { batch: { records, ...shard } }: ParkedDelivery,
): Promise<number> {
  const lane = streamLane(shard);
  const first = records[0]?.sequenceNumber ?? '0';
  const last = records.at(-1)?.sequenceNumber ?? '0';
  const logs = await Promise.all(
    [lane, replayLane(lane)].map((of) => ledger.rangesOverlapping(of, first, last)),
  );
  return markLanded(records, logs).filter((isLanded) => !isLanded).length;
}

function assertAge({ batch, parkedAtMs }: ParkedDelivery, nowMs: number, minAgeMs: number): void {
  if (nowMs < parkedAtMs + minAgeMs) {
    throw new RejectedError(
      'REPLAY_TOO_YOUNG',
      `the delivery was parked at ${new Date(parkedAtMs).toISOString()}, and the function that failed may still be at ` +
        `work on it; replay it after ${new Date(parkedAtMs + minAgeMs).toISOString()}`,
    );
  }
  const arrivedAtMs = Math.min(...batch.records.map((record) => record.arrivedAtMs));
  if (nowMs <= arrivedAtMs + RANGE_RETENTION_MS - AGE_MARGIN_MS) return;
  throw new RejectedError(
    'REPLAY_TOO_OLD',
    `the records arrived at ${new Date(arrivedAtMs).toISOString()}; the ledger does not know any more which of them are ` +
      'in the lake, and a replay could land them twice. Look for their identities (_id) in the lake, and push those that ' +
      'are missing',
  );
}

/** @returns whether the shard's lane is at the end of the delivery, or beyond; otherwise the deadline is near */
async function cedeLane(deps: LandDeps, batch: StreamBatch, options: RunOptions): Promise<boolean> {
  const lane = streamLane(batch);
  const to = batch.records.at(-1)?.sequenceNumber;
  if (to === undefined) return true;
  for (let conflicts = 0; conflicts <= MAX_CONFLICTS; conflicts++) {
    const state = await readSettled(deps, lane, options);
    if (state === undefined) return false;
    if (state.position !== undefined && comparePositions(state.position, to) >= 0) return true;
    if ((await deps.ledger.cede(lane, state.version, to, deps.newToken())) === 'ok') return true;
  }
  throw new TransientError('LANE_CONTENTION', `other writers keep winning lane ${lane}; replay it again`);
}

interface ReplayReader extends LaneReader {
  /** Stream records that were in the lake at the first reading. */
  alreadyLanded(): number;
}

/** Reads the records of a delivery that are in no range, neither of the ceded lane nor of this one. */
function createReplayReader(
  { ledger, sources }: Pick<LandDeps, 'ledger'> & { readonly sources: ReadonlyMap<string, Source> },
  sourceOfStream: string | undefined,
  batch: StreamBatch,
): ReplayReader {
  const ceded = streamLane(batch);
  const lane = replayLane(ceded);
  const take = createRecordTaker(sources, sourceOfStream, batch);
  const first = batch.records[0]?.sequenceNumber ?? '0';
  const last = batch.records.at(-1)?.sequenceNumber ?? '0';
  /** Nobody adds to these: the lane is ceded. */
  let ofCeded: readonly CommittedRange[] | undefined;
  let alreadyLanded: number | undefined;
  return {
    lane,
    alreadyLanded: () => alreadyLanded ?? 0,
    // What is read here is read after the state: who commits to this lane in between makes the engine's next write fail.
    async read(_state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
      ofCeded ??= await ledger.rangesOverlapping(ceded, first, last);
      const ofReplays = await ledger.rangesOverlapping(lane, first, last);
      const isLanded = markLanded(batch.records, [ofCeded, ofReplays]);
      alreadyLanded ??= isLanded.filter(Boolean).length;
      const start = isLanded.indexOf(false);
      if (start < 0) return undefined;
      const end = isLanded.indexOf(true, start);
      const taken = take(batch.records.slice(start, end < 0 ? undefined : end), maxBytes);
      if (taken === undefined) return undefined;
      return { ...taken, stem: `${batch.stream}-${batch.shardId}-${taken.from}-${taken.to}-replay` };
    },
  };
}

/** For each record, whether one of the ranges covers it; both in order. */
function markLanded(
  records: readonly StreamRecord[],
  logs: readonly (readonly CommittedRange[])[],
): boolean[] {
  const isLanded = records.map(() => false);
  for (const ranges of logs) {
    let at = 0;
    records.forEach(({ sequenceNumber }, i) => {
      while (at < ranges.length && comparePositions(ranges[at]?.to ?? '', sequenceNumber) < 0) at++;
      const range = ranges[at];
      if (range !== undefined && comparePositions(range.from, sequenceNumber) <= 0) isLanded[i] = true;
    });
  }
  return isLanded;
}
