import * as z from 'zod';
import { BlockedError } from './errors.ts';
import { reconciledSchema, type Reconciled } from './reconciliation.ts';
import { sourceCountSchema, type SourceCount } from './source-count.ts';
import { stepsSchema } from './cursor-steps.ts';

/*
 * How far a table has been read. As canonical JSON text it is the lane's position in the ledger: everything that a run
 * does follows from it. Cursors and keys are the database's own text.
 */

const VERSION = 1;

/** The column that is followed; a position belongs to it and to nothing else. */
const followedSchema = z.object({
  column: z.string(),
  /** Type in the lake, as the configuration writes it. */
  type: z.string(),
  /** Columns that tell rows with equal cursors apart. */
  key: z.array(z.string()),
});

const placeSchema = z
  .object({ cursor: z.string(), key: z.array(z.string()).optional() })
  .transform(({ cursor, key }) => ({ cursor, key }));

const positionSchema = z.discriminatedUnion('mode', [
  /** By cursor, below a horizon: everything up to `place` is durable, and nothing appears there any more. */
  z.object({
    v: z.literal(VERSION),
    mode: z.literal('cursor'),
    by: followedSchema,
    place: placeSchema.optional(),
    /** `Horizon.memory`. */
    memory: z.string().optional(),
    keys: reconciledSchema.optional(),
    count: sourceCountSchema.optional(),
  }),
  /** By cursor, read again a look-back behind it. */
  z.object({
    v: z.literal(VERSION),
    mode: z.literal('lookback'),
    by: followedSchema,
    /** The highest cursor of all rows that are durable, or when it was read if that was earlier. */
    highest: z.string().optional(),
    /** The reading that has begun; undefined when the last one came to its end. */
    sweep: z
      .object({
        /** Where it began, inclusive; undefined: with the first row. */
        from: z.string().optional(),
        startedAtMs: z.number(),
        place: placeSchema,
        /** Rows by cursor that it has read so far; undefined where they are not counted. */
        steps: stepsSchema.optional(),
      })
      .optional(),
    /** The last reading that came to its end: when it began, and how long it took. */
    swept: z.object({ atMs: z.number(), forMs: z.number() }).optional(),
    /** Marks of the rows that were read last: those need not be asked of the claims, which may have expired. */
    seen: z.array(z.string()),
    keys: reconciledSchema.optional(),
    /** No reading begins before this cursor any more; undefined where rows are not counted. */
    floor: z.string().optional(),
    count: sourceCountSchema.optional(),
  }),
  /** Entries of a change log that are marked when they have landed. */
  z.object({
    v: z.literal(VERSION),
    mode: z.literal('processed'),
    /** Column of the ids. */
    column: z.string(),
    /** Ids that have landed with the last commit and may not be marked yet, see `formatIds`. */
    landed: z.string(),
  }),
  /** Snapshots of the whole table. */
  z.object({
    v: z.literal(VERSION),
    mode: z.literal('extract'),
    /** The extract that is in the lake; they count from 1. */
    number: z.int(),
    startedAtMs: z.number(),
    /** The last extract whose rows the database has counted, in the snapshot that they were read from. */
    counted: z.object({ atMs: z.number(), rows: z.int() }).optional(),
  }),
]);

export type TablePosition = z.infer<typeof positionSchema>;
export type Followed = z.infer<typeof followedSchema>;
export type TableMode = TablePosition['mode'];
export type PositionOf<Mode extends TableMode> = Extract<TablePosition, { readonly mode: Mode }>;

const MODE_WORDS: Readonly<Record<TableMode, string>> = {
  cursor: '`incremental` without `lookback` or `changeLog` without `processed`',
  lookback: '`incremental` with `lookback`',
  processed: '`changeLog` with `processed`',
  extract: 'neither `incremental` nor `changeLog`',
};

/** The position as text: one text per position. */
export function formatTablePosition(position: TablePosition): string {
  return JSON.stringify(positionSchema.parse(position));
}

/**
 * Reads a position that was written in this mode.
 *
 * @returns undefined where nothing was committed yet
 * @throws BlockedError with code `UNREADABLE_POSITION` or `POSITION_MODE_CHANGED`: reading from anywhere else could lose
 *   rows, or land them twice
 */
export function parseTablePosition<Mode extends TableMode>(
  source: string,
  mode: Mode,
  text: string | undefined,
): PositionOf<Mode> | undefined {
  if (text === undefined) return undefined;
  const parsed = positionSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new BlockedError(
      'UNREADABLE_POSITION',
      `the position of source ${source} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
    );
  }
  const position = parsed.data;
  if (isOfMode(position, mode)) return position;
  throw new BlockedError(
    'POSITION_MODE_CHANGED',
    `source ${source} was read with ${MODE_WORDS[position.mode]} so far, and is declared with ${MODE_WORDS[mode]} now; ${wayOut(source)}`,
  );
}

/** How far reconciliations have come; undefined where there are none, or nothing that can be read. */
export function reconciledOf(text: string | undefined): Reconciled | undefined {
  const position = text === undefined ? undefined : positionSchema.safeParse(parseJson(text)).data;
  return position !== undefined && 'keys' in position ? position.keys : undefined;
}

/** What was counted at the source; undefined where nothing is, or nothing that can be read. */
export function countOf(text: string | undefined): SourceCount | undefined {
  const position = text === undefined ? undefined : positionSchema.safeParse(parseJson(text)).data;
  return position !== undefined && 'count' in position ? position.count : undefined;
}

/**
 * Refuses a position that belongs to another column, or to another order of the same rows.
 *
 * @throws BlockedError with code `CURSOR_CHANGED`
 */
export function requireSameColumn(source: string, was: Followed, is: Followed): void {
  for (const [what, before, now] of [
    ['column', was.column, is.column],
    ['type', was.type, is.type],
    ['key', was.key.join(', '), is.key.join(', ')],
  ] as const) {
    if (before === now) continue;
    throw new BlockedError(
      'CURSOR_CHANGED',
      `source ${source} was followed by a cursor whose ${what} is ${JSON.stringify(before)}, and is ${JSON.stringify(now)} now; ${wayOut(source)}`,
    );
  }
}

const wayOut = (source: string): string =>
  'change it back, or declare the table under a new name to read it from its beginning, or give up the position and land everything again: ' +
  `npx headgate checkpoint reset ${source}`;

function isOfMode<Mode extends TableMode>(position: TablePosition, mode: Mode): position is PositionOf<Mode> {
  return position.mode === mode;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
