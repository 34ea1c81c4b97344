import { hash, randomUUID } from 'node:crypto';
import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { laneOf } from '../../shared/config/lane-of.ts';
import { toMs } from '../../shared/config/units.ts';
import { COUNT_TIMEOUTS, PUSH_TIMEOUTS } from '../../shared/domain/backoff.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import { isStreamLane } from '../../shared/domain/stream-batch.ts';
import type { Source } from '../../shared/domain/source.ts';
import { sendRecords, type CheckedBatch } from '../../shared/pipeline/accept-records.ts';
import type { AcceptedCounter } from '../../shared/pipeline/accepted-counter.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { FramePlace } from '../../shared/ports/frame-bus.ts';
import type { RequestClaim, RequestStore } from '../../shared/ports/request-store.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import { HttpProblem } from '../middleware/problems.ts';
import { toRecordsResponse } from './to-answer.ts';
import { SEND_BUDGET_MS, type BusOf } from './create-frame-buses.ts';
import type { HttpResponse } from './http.ts';

/** A request that cannot be sent, remembered and answered in the time that is left is not begun. */
const MIN_REMAINING_MS = SEND_BUDGET_MS + COUNT_TIMEOUTS.callMs + PUSH_TIMEOUTS.callMs + 1_000;
/** Records whose check takes longer are too many for one request. */
const MAX_CHECK_MS = 5_000;
/** A crashed attempt of a request blocks its Idempotency-Key for this long after the function's time-out. */
const LEASE_MARGIN_MS = 1_000;
const IN_PROGRESS_RETRY_SECONDS = 2;

export interface StoreDeps {
  readonly busOf: BusOf;
  readonly requests: RequestStore;
  readonly accepted: AcceptedCounter;
  readonly telemetry: Telemetry;
  /** The monthly budgets of sources; absent where nobody watches them. */
  readonly budgets?: Budgets;
}

/** Records that somebody who may has sent, not looked at yet. */
export interface Submission {
  readonly source: Source<ReceivedSourceConfig>;
  readonly receivedAtMs: number;
  readonly remainingMs: () => number;
  /** Whether every record is listed in the answer. */
  readonly isVerbose: boolean;
  /**
   * Splits and checks the records.
   *
   * @throws HttpProblem when the body as a whole is refused
   */
  readonly check: () => CheckedBatch;
}

/** What became of a submission. */
export interface Stored {
  readonly response: HttpResponse;
  /** Records that were looked at: none where the request had been answered before. */
  readonly records: number;
  /** Id of the request's frames: the same whenever it is sent again under one Idempotency-Key. */
  readonly frameId: string;
  /** Where its frames stand; empty where nothing was sent. */
  readonly places: readonly FramePlace[];
}

/** Makes a submission durable, each time it is asked. */
export async function storeRecords(
  { busOf, accepted, telemetry, budgets }: StoreDeps,
  submission: Submission,
  frameId: string = randomUUID(),
): Promise<Stored> {
  const { source, receivedAtMs } = submission;
  // The bus goes by it as well.
  const isOverBudget = (await budgets?.look(source.name))?.isOver === true;
  if (isOverBudget) telemetry.count('OverBudget', source.name, 1);
  const beforeMs = submission.remainingMs();
  const batch = submission.check();
  const remainingMs = submission.remainingMs();
  if (remainingMs < MIN_REMAINING_MS) throw outOfTime(beforeMs - remainingMs);
  const { outcomes, places } = await sendRecords(busOf(source), source, batch, { frameId, receivedAtMs });
  const kept = outcomes.filter(({ status }) => status !== 'rejected').length;
  await accepted.count(source.name, receivedAtMs, kept);
  const failed = outcomes.filter(({ status }) => status === 'rejected' || status === 'quarantined').length;
  telemetry.record('RecordErrors', source.name, 0, outcomes.length - failed);
  telemetry.record('RecordErrors', source.name, 1, failed);
  countRecords(telemetry, source.name, outcomes.length, kept);
  telemetry.count(
    'BytesFramed',
    source.name,
    places.reduce((sum, place) => sum + place.bytes, 0),
  );
  const isSpilled = laneOf(source.config) === 'stream' && places.some(({ lane }) => !isStreamLane(lane));
  if (isSpilled && !isOverBudget) telemetry.count('RequestsSpilled', source.name, 1);
  const response = toRecordsResponse(outcomes, { ...submission, isDelayed: isSpilled }, 202);
  return { response, records: outcomes.length, frameId, places };
}

/** The sender is to blame for what its records cost, and for nothing else: slow calls before are over the next time. */
function outOfTime(checkMs: number): Error {
  if (checkMs <= MAX_CHECK_MS) {
    return new TransientError('OUT_OF_TIME', 'what came before the records were sent took too long');
  }
  return new HttpProblem(
    'too-large',
    'checking the records took too long, and nothing was stored; send them in smaller requests',
  );
}

function countRecords(telemetry: Telemetry, source: string, received: number, kept: number): void {
  telemetry.count('RecordsReceived', source, received);
  telemetry.count('RecordsRejected', source, received - kept);
  telemetry.count('RecordsAccepted', source, kept);
}

/**
 * Makes a submission durable under an Idempotency-Key: once, or not at all if it has been answered before.
 *
 * @param payloadHash of what must be the same when the key is used again
 * @throws HttpProblem `request-in-progress` or `idempotency-key-reused`
 */
export async function storeOnce(
  deps: StoreDeps,
  submission: Submission,
  idempotencyKey: string,
  payloadHash: string,
): Promise<Stored> {
  const { source, receivedAtMs } = submission;
  const claim: RequestClaim = {
    source: source.name,
    idempotencyKey,
    payloadHash,
    attempt: randomUUID(),
    nowMs: receivedAtMs,
    leaseUntilMs: receivedAtMs + submission.remainingMs() + LEASE_MARGIN_MS,
    expiresAtMs: receivedAtMs + toMs(source.config.dedupeWindow),
  };
  // The same request has the same frames, whoever sends it again and whenever.
  const frameId = hash('sha256', JSON.stringify([source.name, idempotencyKey, payloadHash])).slice(0, 32);
  const begun = await deps.requests.begin(claim);
  switch (begun.status) {
    case 'done': {
      const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true' };
      const { statusCode, body } = begun.answer;
      return { response: { statusCode, headers, body }, records: 0, frameId, places: [] };
    }
    case 'in-progress':
      throw new HttpProblem('request-in-progress', 'wait for its answer, or repeat the request later', {
        headers: { 'retry-after': String(IN_PROGRESS_RETRY_SECONDS) },
      });
    case 'other-payload':
      throw new HttpProblem(
        'idempotency-key-reused',
        `this Idempotency-Key stands for another payload; use a new key for new records (keys are remembered for ${source.config.dedupeWindow})`,
      );
    case 'new':
  }
  let stored: Stored | undefined;
  try {
    stored = await storeRecords(deps, submission, frameId);
  } finally {
    await remember(deps, claim, stored?.response);
  }
  return stored;
}

/** Keeps the answer to a stored request; forgets one that stored nothing or not all, so that it can be repeated. */
async function remember(
  { requests, telemetry }: StoreDeps,
  claim: RequestClaim,
  response: HttpResponse | undefined,
): Promise<void> {
  try {
    const { statusCode, body } = response ?? {};
    if (statusCode === 202 && body !== undefined) await requests.complete(claim, { statusCode, body });
    else await requests.release(claim);
  } catch (error) {
    // The records are as durable as the answer says; a repeated request runs again and is deduplicated by record.
    telemetry.log('warn', 'the answer under an Idempotency-Key could not be kept', {
      source: claim.source,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
