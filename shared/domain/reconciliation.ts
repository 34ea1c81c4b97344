import * as z from 'zod';

/*
 * A reconciliation compares the keys of a table with those that the lake says are alive, and lands a row with `_op` = `d`
 * for each that is gone. What it works with is an *inventory*, see shared/pipeline/reconcile/inventory.ts.
 */

/** What the position of a source says of its reconciliations. */
export const reconciledSchema = z.object({
  /** Number of the inventory that is being made; undefined: none. */
  begun: z.int().optional(),
  /** The last one whose deletes have landed. */
  done: z
    .object({
      number: z.int(),
      startedAtMs: z.number(),
      /** `_received_at` of its deletes, whether there were any or not. */
      landedAtMs: z.number(),
    })
    .optional(),
});

export type Reconciled = z.infer<typeof reconciledSchema>;

/**
 * `_received_at` of rows that are read now: later than that of all deletes that landed before, whatever the clock of this
 * process says. A row that came back must be newer than the one that says that it was gone.
 */
export function receiveTime(nowMs: number, reconciled: Reconciled | undefined): number {
  return Math.max(nowMs, (reconciled?.done?.landedAtMs ?? -1) + 1);
}

/** What the comparison has come to. */
export interface DeleteCount {
  /** Keys that the lake says are alive. */
  readonly alive: number;
  /** How many of them the table does not have. */
  readonly gone: number;
  /** Keys that the table has. */
  readonly inTable: number;
}

/** Why deletes must not land without somebody having looked; undefined when they may. */
export function heldBackBecause(
  { alive, gone, inTable }: DeleteCount,
  { share, rows }: { readonly share: number; readonly rows: number },
): string | undefined {
  if (gone === 0) return undefined;
  if (inTable === 0) return `the table is empty, and the lake has ${String(alive)} rows of it`;
  if (gone <= rows || gone <= alive * share) return undefined;
  return (
    `${String(gone)} of ${String(alive)} rows would be marked as deleted (${String(Math.round((100 * gone) / alive))} %), ` +
    `more than \`deletes.reconcile.holdBackAbove\` allows`
  );
}
