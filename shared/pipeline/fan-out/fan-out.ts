import { forEachLimited } from '../../domain/for-each-limited.ts';
import {
  formatSlot,
  parseSlot,
  planNextTask,
  planSlotsToWake,
  sumSlots,
  type FanOutState,
  type SlotState,
} from '../../domain/fan-out.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Intent, LedgerState, LedgerStore } from '../../ports/ledger-store.ts';
import { probeNothing, type Probe } from '../probe.ts';

/*
 * Work that several invocations share; see shared/domain/fan-out.ts. Every slot is a lane of the ledger: an intent without
 * objects says who is at which task and until when, a commit says what is done.
 *
 * All of this is for liveness. Leases depend on clocks, messages come twice, and two workers may be at one task: that a
 * task's outcome counts once is the business of whoever does it.
 */

export interface FanOutDeps {
  readonly ledger: LedgerStore;
  readonly clock: Clock;
  readonly newToken: () => string;
  readonly configVersion: string;
  readonly probe?: Probe;
}

/** One run of work that is divided. */
export interface FanOut {
  /** Slots are the lanes `${lane}/slot-${n}`; they are used again by later runs. */
  readonly lane: string;
  readonly run: string;
  readonly slots: number;
  readonly tasks: number;
}

export interface Worker {
  readonly owner: string;
  /** When the worker is over at the latest, ms since the epoch. */
  readonly untilMs: number;
}

export interface TaskOutcome {
  readonly rows: number;
  readonly bytes: number;
}

/** What came of one message to a slot. */
export type SlotOutcome =
  /** A task was done, or a part of it; there may be more. */
  | 'worked'
  /** Another worker is in this slot, and goes on. */
  | 'taken'
  /** Somebody is at each of the tasks that are left. */
  | 'waiting'
  | 'all-done';

/** For how long clocks may differ before a lease that has ended is taken over too early, which costs work and nothing else. */
const CLOCK_SKEW_MS = 5_000;
const PARALLEL_READS = 16;

const slotLane = ({ lane }: FanOut, slot: number): string => `${lane}/slot-${String(slot)}`;

/** What is done, and what somebody is at. */
export async function readFanOut(deps: FanOutDeps, fanOut: FanOut): Promise<FanOutState> {
  return sumSlots((await readSlots(deps, fanOut)).map(({ slot }) => slot));
}

/** Slots that need a message. */
export async function slotsToWake(deps: FanOutDeps, fanOut: FanOut): Promise<number[]> {
  const slots = await readSlots(deps, fanOut);
  return planSlotsToWake(
    slots.map(({ slot }) => slot),
    fanOut.tasks,
  );
}

interface ReadSlot {
  readonly state: LedgerState;
  readonly slot: SlotState;
}

async function readSlots(deps: FanOutDeps, fanOut: FanOut): Promise<readonly ReadSlot[]> {
  const slots: ReadSlot[] = [];
  const numbers = Array.from({ length: fanOut.slots }, (_, i) => i);
  await forEachLimited(numbers, PARALLEL_READS, async (number) => {
    const state = await deps.ledger.read(slotLane(fanOut, number));
    slots[number] = { state, slot: toSlot(deps, fanOut, state) };
  });
  return slots;
}

function toSlot({ clock }: FanOutDeps, { run }: FanOut, { position, intent }: LedgerState): SlotState {
  const isHeld = intent !== undefined && intent.from === run && intent.leaseUntilMs > clock.nowMs();
  return { progress: parseSlot(run, position), task: isHeld ? Number(intent.to) : undefined };
}

/**
 * Does the next task in a slot.
 *
 * @param doTask does one task; repeated, also by two workers at the same time, it has the effect of once. It returns
 *   undefined when time was up before it was done
 * @throws what `doTask` throws: the slot is given up before, so that the task can be taken again at once
 */
export async function workInSlot(
  deps: FanOutDeps,
  fanOut: FanOut,
  slot: number,
  worker: Worker,
  doTask: (task: number) => Promise<TaskOutcome | undefined>,
): Promise<SlotOutcome> {
  const probe = deps.probe ?? probeNothing;
  const all = await readSlots(deps, fanOut);
  const own = all[slot];
  // The number of slots was decided with the run; a message for another slot is none of ours.
  if (own === undefined || own.slot.task !== undefined) return 'taken';
  const total = sumSlots(all.map((each) => each.slot));
  const task = planNextTask(total, { slot, ...fanOut });
  if (task === undefined) return total.done.size >= fanOut.tasks ? 'all-done' : 'waiting';
  const lane = slotLane(fanOut, slot);
  const { version } = own.state;
  const lease = toLease(deps, worker, { from: fanOut.run, to: String(task) });
  const taken = await deps.ledger.announce(lane, version, lease, deps.newToken());
  if (taken === 'conflict') return 'taken';
  await probe('F.1');
  const { progress } = own.slot;
  let outcome: TaskOutcome | undefined;
  try {
    outcome = await doTask(task);
  } catch (error) {
    await giveUp(deps, lane, version + 1);
    throw error;
  }
  await probe('F.2');
  if (outcome === undefined) {
    await giveUp(deps, lane, version + 1);
    return 'worked';
  }
  const after = formatSlot({
    run: fanOut.run,
    done: new Set([...progress.done, task]),
    rows: progress.rows + outcome.rows,
    bytes: progress.bytes + outcome.bytes,
  });
  const commit = { from: fanOut.run, to: after, records: outcome.rows, keys: 0 };
  await deps.ledger.commit(lane, version + 1, commit, deps.newToken());
  await probe('F.3');
  return 'worked';
}

/**
 * Runs work that should be done by one invocation at a time.
 *
 * @param lane of the lease alone
 * @returns what `work` returns, or undefined when somebody else is at it
 */
export async function runAlone<Result>(
  deps: FanOutDeps,
  lane: string,
  worker: Worker,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const { intent, version } = await deps.ledger.read(lane);
  if (intent !== undefined && intent.leaseUntilMs > deps.clock.nowMs()) return undefined;
  const lease = toLease(deps, worker, { from: lane, to: worker.owner });
  if ((await deps.ledger.announce(lane, version, lease, deps.newToken())) === 'conflict') return undefined;
  try {
    return await work();
  } finally {
    await giveUp(deps, lane, version + 1);
  }
}

/** Whether somebody is at work that `runAlone` runs. */
export async function isHeld({ ledger, clock }: FanOutDeps, lane: string): Promise<boolean> {
  const { intent } = await ledger.read(lane);
  return intent !== undefined && intent.leaseUntilMs > clock.nowMs();
}

function toLease(
  { configVersion }: FanOutDeps,
  { owner, untilMs }: Worker,
  range: Pick<Intent, 'from' | 'to'>,
): Intent {
  return {
    ...range,
    objects: [],
    records: 0,
    configVersion,
    owner,
    leaseUntilMs: untilMs + CLOCK_SKEW_MS,
  };
}

/** Ends a lease early. Somebody else may have taken it over by now; and where it cannot be ended, it ends by itself. */
async function giveUp(deps: FanOutDeps, lane: string, version: number): Promise<void> {
  await deps.ledger.abort(lane, version, deps.newToken()).catch(() => undefined);
}
