import * as z from 'zod';

/** Numbers of what an operation came to. */
const outcome = z.strictObject({
  landed: z.int().nonnegative(),
  duplicates: z.int().nonnegative(),
  /** Records that went to a new file of the quarantine. */
  quarantined: z.int().nonnegative(),
  discarded: z.int().nonnegative(),
  /** Rows that were done before. */
  alreadyDone: z.int().nonnegative(),
  /** Rows that stay as they are. */
  staying: z.int().nonnegative(),
  /** Objects that could not be worked on. */
  failed: z.int().nonnegative(),
});

const schema = z.strictObject({
  atMs: z.int(),
  /** Of one command; its entries share it. */
  run: z.string(),
  /** `begun` is written before anything happens: a run without `ended` was cut off, or is at work. */
  phase: z.enum(['begun', 'ended']),
  /** Account and machine of the operator. */
  who: z.string(),
  action: z.enum(['replay', 'edit', 'discard']),
  /** What was asked for, as options of the command line. */
  asked: z.string(),
  /** Why, in the operator's words. */
  why: z.string().optional(),
  /** Keys in the lake bucket. */
  objects: z.array(z.string()),
  outcome: outcome.optional(),
});

/** Who did what with records that had not landed. */
export type AuditEntry = z.output<typeof schema>;
/** What an operation came to, in records and rows. */
export type AuditOutcome = z.output<typeof outcome>;

/** Where entries stand: in the order of their time. */
export const AUDIT_PREFIX = 'audit/';

/** Key of an entry: `audit/dt=2026-01-31/2026-01-31T10:00:00.000Z-<run>-begun.json`. */
export function auditKey({ atMs, run, phase }: AuditEntry): string {
  const iso = new Date(atMs).toISOString();
  return `${AUDIT_PREFIX}dt=${iso.slice(0, 10)}/${iso}-${run}-${phase}.json`;
}

/** Reads an entry back; undefined when the text is none. */
export function parseAuditEntry(text: string): AuditEntry | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
