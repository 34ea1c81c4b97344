/*
 * How far may be read without passing a row that is committed later.
 *
 * The database gives a row its time (or number) when the statement that writes it begins, or later. What MySQL shows is
 * less than that: `trx_started` is when a transaction first touched InnoDB, in whole seconds, which may be long after its
 * statement began (metadata locks, SLEEP, a large SELECT); and a transaction that has not touched InnoDB is not listed. A
 * bound from `min(trx_started)` alone loses rows.
 *
 * So a *moment* is followed. At a time T, whoever will commit a row from before T later is either running a statement that
 * began before T, or has written already and is listed as an open transaction. T is final when
 * 1. no statement runs that began before T, and then
 * 2. no transaction is open that had written by then. Those are known by their numbers: they are given at the first write,
 *    and ascend.
 * Moments that are not final are remembered from run to run.
 */

/** What runs and what is open, seen in this order. */
export interface Activity {
  /** The server's time before all else was looked at, microseconds since the epoch. */
  readonly nowMicros: number;
  /** When the statements that run now began, at the earliest. */
  readonly statementMicros: readonly number[];
  /** Transactions that have written. */
  readonly writers: readonly { readonly id: bigint; readonly startedMicros: number }[];
  /** Whether transactions are prepared (XA) whose numbers are not known. */
  readonly prepared: boolean;
}

/** A bound, and what it waits for. */
export interface Moment {
  /** Cursor text: exclusive bound once it is final. */
  readonly until: string;
  readonly micros: number;
  /** Once no statement from before runs any more: the largest number of a transaction that had written by then. */
  readonly writersUpTo: string | undefined;
}

export interface HorizonMemory {
  readonly final: string | undefined;
  /** Ascending. */
  readonly pending: readonly Moment[];
}

const MAX_PENDING = 8;

/** What is known of a moment after looking at what is active. */
function look(moment: Moment, { statementMicros, writers, prepared }: Activity): Moment | 'final' {
  const running = statementMicros.some((micros) => micros <= moment.micros);
  if (moment.writersUpTo === undefined && running) return moment;
  const upTo =
    moment.writersUpTo ?? String(writers.reduce((largest, { id }) => (id > largest ? id : largest), 0n));
  if (prepared || writers.some(({ id }) => id <= BigInt(upTo))) return { ...moment, writersUpTo: upTo };
  return 'final';
}

/** Looks at all moments. */
export function planHorizon(memory: HorizonMemory, activity: Activity): HorizonMemory {
  let { final } = memory;
  const pending: Moment[] = [];
  for (const moment of memory.pending) {
    const seen = look(moment, activity);
    if (seen === 'final') {
      // Earlier ones are final too, if they have not been said to be.
      final = moment.until;
      pending.length = 0;
    } else pending.push(seen);
  }
  return { final, pending };
}

/** Adds a moment. When there are many, every other one is forgotten, but never the oldest: it is the next to be final. */
export function addMoment({ final, pending }: HorizonMemory, moment: Moment): HorizonMemory {
  const kept = pending.length < MAX_PENDING ? pending : pending.filter((_, i) => i % 2 === 0);
  return { final, pending: [...kept, moment] };
}

/** The longest time that a statement is taken to wait before its first write, where nothing better is known. */
const LONGEST_WAIT_MICROS = 86_400e6;

/**
 * A time before which nothing is open, by when statements and transactions began: for a first run that meets a transaction
 * that is open for long. That of a transaction which has written is known by its first touch of InnoDB only; its statement
 * is taken to have begun at most a day earlier.
 */
export function planOldest({ nowMicros, statementMicros, writers, prepared }: Activity): number | undefined {
  if (prepared) return undefined;
  return Math.min(
    nowMicros,
    ...statementMicros,
    ...writers.map(({ startedMicros }) => startedMicros - LONGEST_WAIT_MICROS),
  );
}

/** @returns nothing known, where the text is not one of `formatMemory` */
export function parseMemory(text: string | undefined): HorizonMemory {
  if (text === undefined) return { final: undefined, pending: [] };
  const { final, pending } = JSON.parse(text) as {
    final?: string;
    pending: readonly (readonly [until: string, micros: number, writersUpTo?: string])[];
  };
  return {
    final,
    pending: pending.map(([until, micros, writersUpTo]) => ({ until, micros, writersUpTo })),
  };
}

export function formatMemory({ final, pending }: HorizonMemory): string {
  return JSON.stringify({
    final,
    pending: pending.map(({ until, micros, writersUpTo }) =>
      writersUpTo === undefined ? [until, micros] : [until, micros, writersUpTo],
    ),
  });
}
