import { formatRowSet, parseRowSet } from './row-set.ts';

/*
 * Large work is divided into tasks that are numbered, and done by workers in slots: at most one worker per slot, at most
 * one task per worker. What a slot has done stands in its position, so a handful of positions say what is left, whatever
 * the number of tasks.
 */

/** What a slot has done in one run of the work. */
export interface SlotProgress {
  /** The run; what was done in another one says nothing. */
  readonly run: string;
  readonly done: ReadonlySet<number>;
  readonly rows: number;
  /** Bytes of the files. */
  readonly bytes: number;
}

/** A slot as it is now. */
export interface SlotState {
  readonly progress: SlotProgress;
  /** Task that a worker is at; undefined when the slot is free. */
  readonly task: number | undefined;
}

/** The position of a slot as text. */
export function formatSlot({ run, done, rows, bytes }: SlotProgress): string {
  return JSON.stringify({ v: 1, run, done: formatRowSet(done), rows, bytes });
}

/** Reads a slot's position; one of another run is that of a slot that has done nothing. */
export function parseSlot(run: string, text: string | undefined): SlotProgress {
  const nothing = { run, done: new Set<number>(), rows: 0, bytes: 0 };
  if (text === undefined) return nothing;
  const slot = JSON.parse(text) as Omit<SlotProgress, 'done'> & { readonly done: string };
  return slot.run === run
    ? { run, done: parseRowSet(slot.done), rows: slot.rows, bytes: slot.bytes }
    : nothing;
}

/** The slots of one run, together. */
export interface FanOutState {
  readonly done: ReadonlySet<number>;
  readonly rows: number;
  readonly bytes: number;
  /** Tasks that somebody is at. */
  readonly active: ReadonlySet<number>;
}

export function sumSlots(slots: readonly SlotState[]): FanOutState {
  const done = new Set<number>();
  const active = new Set<number>();
  let rows = 0;
  let bytes = 0;
  for (const { progress, task } of slots) {
    for (const number of progress.done) done.add(number);
    if (task !== undefined) active.add(task);
    rows += progress.rows;
    bytes += progress.bytes;
  }
  return { done, rows, bytes, active };
}

/**
 * The next task for a slot: the first one, from the slot's own part of the tasks on, that is not done and that nobody is
 * at. Slots begin apart from each other, so that two that choose at the same time seldom choose the same.
 *
 * @returns undefined when all tasks are done or taken
 */
export function planNextTask(
  { done, active }: Pick<FanOutState, 'done' | 'active'>,
  { slot, slots, tasks }: { readonly slot: number; readonly slots: number; readonly tasks: number },
): number | undefined {
  const start = Math.floor((slot * tasks) / slots);
  for (let i = 0; i < tasks; i++) {
    const task = (start + i) % tasks;
    if (!done.has(task) && !active.has(task)) return task;
  }
  return undefined;
}

/** Slots that get a message because nobody works in them although there is work: as many as there are tasks to take. */
export function planSlotsToWake(slots: readonly SlotState[], tasks: number): number[] {
  const { done, active } = sumSlots(slots);
  const left = tasks - new Set([...done, ...active]).size;
  return slots.flatMap(({ task }, slot) => (task === undefined ? [slot] : [])).slice(0, left);
}
