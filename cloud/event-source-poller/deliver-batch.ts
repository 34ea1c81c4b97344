import type { DeliveryFaults, FaultDice } from './delivery-faults.ts';
import type { DiscardCondition } from './invocation-record.ts';
import { countExpired, planNext } from './plan-next.ts';
import type { FailureDestination, InvocationOutcome, Invoker, PollerClock, StreamRecord } from './ports.ts';
import type { StreamMapping } from './stream-mapping.ts';
import { toEvent } from './to-event.ts';
import { toInvocationRecord } from './to-invocation-record.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
const DEFAULT_ZOMBIE_AFTER_MS = 200;
/** Injected failures in a row of one batch, so that every batch gets through in the end. */
const MAX_INJECTED = 3;

/** Something that a person who watches the poller wants to know. */
export type PollerEvent =
  | {
      readonly kind: 'failed';
      readonly functionArn: string;
      readonly shardId: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'discarded';
      readonly functionArn: string;
      readonly shardId: string;
      readonly records: number;
      readonly condition: DiscardCondition;
    }
  | { readonly kind: 'unreadable'; readonly streamArn: string; readonly reason: string };

/** What has happened since the start. */
export interface PollerCounts {
  invocations: number;
  failedInvocations: number;
  /** Records whose batch was done, each once however often it was delivered. */
  deliveredRecords: number;
  discardedRecords: number;
}

export interface DeliveryContext {
  readonly invoker: Invoker;
  readonly destination: FailureDestination;
  readonly clock: PollerClock;
  readonly mapping: StreamMapping;
  readonly shardId: string;
  readonly faults: DeliveryFaults | undefined;
  readonly dice: FaultDice;
  readonly counts: PollerCounts;
  readonly onEvent: (event: PollerEvent) => void;
  readonly signal: AbortSignal;
}

/** A batch, or what is left of one, that waits for its delivery. */
interface Delivery {
  readonly records: readonly StreamRecord[];
  /** Retries that count. */
  readonly retries: number;
  readonly invocations: number;
  /** Failures in a row, for the pause before the next attempt. */
  readonly failures: number;
  /** Faults in a row that were injected. */
  readonly injected: number;
  /** The second delivery of a batch that has succeeded. */
  readonly isRepeat: boolean;
}

/**
 * Delivers a batch to the mapping's function, again and again in parts if need be, until each of its records is done or
 * discarded, in order. Returns early only when the signal fires; the rest is then delivered by the next poller.
 */
export async function deliverBatch(
  context: DeliveryContext,
  records: readonly StreamRecord[],
): Promise<void> {
  const { mapping, clock, counts, dice, signal } = context;
  const queue: Delivery[] = [
    { records, retries: 0, invocations: 0, failures: 0, injected: 0, isRepeat: false },
  ];
  for (let next = queue.shift(); next !== undefined && !signal.aborted; next = queue.shift()) {
    const delivery = await discardExpired(context, recut(context, next, queue));
    if (delivery.records.length === 0) continue;
    if (delivery.injected < MAX_INJECTED && dice.hits('discard')) {
      const outcome = dice.between(0, 1) === 0 ? undefined : await invoke(context, delivery);
      await discard(context, delivery, 'RetryAttemptsExhausted', outcome);
      continue;
    }
    const { outcome, injected } = await invokeWithFaults(context, delivery);
    // A person stopped the poller: whatever the outcome looks like, it is not the function's.
    if (isAborted(signal)) return;
    const sequenceNumbers = delivery.records.map((record) => record.sequenceNumber);
    const step = planNext(mapping, { sequenceNumbers, retries: delivery.retries }, outcome);
    const tried = {
      ...delivery,
      invocations: delivery.invocations + 1,
      injected: injected ? delivery.injected + 1 : 0,
    };
    if (step.do !== 'advance') reportFailure(context, outcome);
    switch (step.do) {
      case 'advance':
        if (!delivery.isRepeat) counts.deliveredRecords += delivery.records.length;
        if (!delivery.isRepeat && dice.hits('duplicate')) queue.unshift({ ...tried, isRepeat: true });
        break;
      case 'retry':
        if (!delivery.isRepeat) counts.deliveredRecords += step.from;
        queue.unshift({
          ...tried,
          records: delivery.records.slice(step.from),
          retries: step.retries,
          failures: delivery.failures + 1,
        });
        await clock.sleep(retryDelayMs(delivery.failures), signal);
        break;
      case 'split':
        queue.unshift(
          { ...tried, records: delivery.records.slice(0, step.at), retries: step.retries },
          { ...tried, records: delivery.records.slice(step.at), retries: step.retries },
        );
        break;
      case 'discard':
        await discard(
          context,
          { ...tried, records: delivery.records.slice(step.from) },
          step.condition,
          outcome,
        );
        break;
    }
  }
}

/** Lambda does not document its pauses; these double from a tenth of a second to five seconds. */
function retryDelayMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function recut({ mapping, dice }: DeliveryContext, delivery: Delivery, queue: Delivery[]): Delivery {
  if (!dice.hits('recut')) return delivery;
  const [following] = queue;
  const joinedSize = delivery.records.length + (following?.records.length ?? Infinity);
  if (
    following !== undefined &&
    !delivery.isRepeat &&
    joinedSize <= mapping.batchSize &&
    dice.between(0, 1) === 0
  ) {
    queue.shift();
    return {
      ...delivery,
      records: [...delivery.records, ...following.records],
      retries: Math.min(delivery.retries, following.retries),
    };
  }
  if (delivery.records.length < 2) return delivery;
  const at = dice.between(1, delivery.records.length - 1);
  queue.unshift({ ...delivery, records: delivery.records.slice(at) });
  return { ...delivery, records: delivery.records.slice(0, at) };
}

async function discardExpired(context: DeliveryContext, delivery: Delivery): Promise<Delivery> {
  const { mapping, clock } = context;
  const count = countExpired(
    mapping,
    delivery.records.map((record) => record.arrivedAtMs),
    clock.nowMs(),
  );
  if (count > 0) {
    await discard(
      context,
      { ...delivery, records: delivery.records.slice(0, count) },
      'RecordAgeExceeded',
      undefined,
    );
  }
  return { ...delivery, records: delivery.records.slice(count) };
}

async function invoke(
  { invoker, mapping, shardId, counts, signal }: DeliveryContext,
  delivery: Delivery,
): Promise<InvocationOutcome> {
  counts.invocations += 1;
  return invoker.invoke(mapping.functionArn, toEvent(mapping, shardId, delivery.records), signal);
}

async function invokeWithFaults(
  context: DeliveryContext,
  delivery: Delivery,
): Promise<{ outcome: InvocationOutcome; injected: boolean }> {
  const { dice, faults, clock, signal } = context;
  const mayInject = delivery.injected < MAX_INJECTED;
  if (mayInject && dice.hits('zombie')) {
    const runsOn = invoke(context, delivery);
    const zombieAfterMs = dice.between(0, faults?.zombieAfterMs ?? DEFAULT_ZOMBIE_AFTER_MS);
    await Promise.race([runsOn, clock.sleep(zombieAfterMs, signal)]);
    return { outcome: { kind: 'function-error', functionError: 'Unhandled' }, injected: true };
  }
  const outcome = await invoke(context, delivery);
  return mayInject && dice.hits('dropResponse')
    ? { outcome: { kind: 'not-invoked', reason: 'the answer was lost (injected)' }, injected: true }
    : { outcome, injected: false };
}

function reportFailure(
  { mapping, shardId, counts, onEvent }: DeliveryContext,
  outcome: InvocationOutcome,
): void {
  counts.failedInvocations += 1;
  const reason =
    outcome.kind === 'answered'
      ? 'partial batch response'
      : outcome.kind === 'not-invoked'
        ? outcome.reason
        : outcome.functionError;
  onEvent({ kind: 'failed', functionArn: mapping.functionArn, shardId, reason });
}

/** Gives a batch up, but not before the failure destination has it. */
async function discard(
  context: DeliveryContext,
  delivery: Delivery,
  condition: DiscardCondition,
  outcome: InvocationOutcome | undefined,
): Promise<void> {
  const { mapping, shardId, destination, clock, counts, onEvent, signal } = context;
  const { records, invocations } = delivery;
  const atMs = clock.nowMs();
  const record = toInvocationRecord(mapping, { shardId, records, condition, invocations, outcome, atMs });
  for (let failures = 0; mapping.onFailureArn !== undefined; failures += 1) {
    try {
      await destination.send(mapping.onFailureArn, record, { mappingUuid: mapping.uuid, shardId, atMs });
      break;
    } catch (error) {
      if (signal.aborted) return;
      onEvent({
        kind: 'failed',
        functionArn: mapping.functionArn,
        shardId,
        reason: `on-failure destination: ${String(error)}`,
      });
      await clock.sleep(retryDelayMs(failures), signal);
    }
  }
  counts.discardedRecords += records.length;
  onEvent({
    kind: 'discarded',
    functionArn: mapping.functionArn,
    shardId,
    records: records.length,
    condition,
  });
}
