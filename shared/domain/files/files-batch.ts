import * as z from 'zod';
import { BlockedError } from '../errors.ts';
import { readStagedBatch, writeStagedBatch, type StagedPart } from '../staged-batch.ts';

/** What is landed together of the objects of a source, decided once. */
export interface FilesBatch {
  /** Position of the lane after it. */
  readonly to: string;
  /** Frames: records of one object each. */
  readonly parts: readonly StagedPart[];
  /** Per part, what is known of records that violate the contract, by their index in it. */
  readonly notes: readonly ReadonlyMap<
    number,
    { readonly place: string; readonly problem?: string | undefined }
  >[];
  /** Per part, its records and their raw bytes. */
  readonly counts: readonly { readonly count: number; readonly bytes: number }[];
  /** Objects that could not be read to their end. */
  readonly refusals: readonly Refusal[];
  /** Marks of the objects that were read to their end, one after the other. */
  readonly done: Buffer;
  /** When it was read, ms since the epoch. */
  readonly receivedAtMs: number;
}

export interface Refusal {
  readonly object: string;
  readonly tag: string;
  /** Rows that could be read. */
  readonly row: number;
  readonly problem: string;
}

const VERSION = 1;
const count = z.int().nonnegative();
const schema = z.strictObject({
  v: z.literal(VERSION),
  notes: z.array(z.array(z.tuple([count, z.string(), z.string().nullable()]))),
  counts: z.array(z.strictObject({ count, bytes: count })),
  refusals: z.array(z.strictObject({ object: z.string(), tag: z.string(), row: count, problem: z.string() })),
  done: z.base64(),
  receivedAtMs: z.number(),
});

/** Writes a batch. */
export function writeFilesBatch({
  to,
  parts,
  notes,
  counts,
  refusals,
  done,
  receivedAtMs,
}: FilesBatch): Buffer {
  const about: z.infer<typeof schema> = {
    v: VERSION,
    notes: notes.map((ofPart) =>
      [...ofPart].map(([index, { place, problem }]) => [index, place, problem ?? null]),
    ),
    counts: [...counts],
    refusals: [...refusals],
    done: done.toString('base64'),
    receivedAtMs,
  };
  return writeStagedBatch({ to, parts, about: JSON.stringify(about) });
}

/**
 * Reads a batch.
 *
 * @throws BlockedError with code `UNREADABLE_BATCH`: its keys may be claimed already, so no other one may take its place
 */
export function readFilesBatch(lane: string, bytes: Uint8Array): FilesBatch {
  try {
    const { to, parts, about } = readStagedBatch(bytes);
    const { notes, counts, refusals, done, receivedAtMs } = schema.parse(JSON.parse(about ?? ''));
    return {
      to,
      parts,
      notes: notes.map(
        (ofPart) =>
          new Map(ofPart.map(([index, place, problem]) => [index, { place, problem: problem ?? undefined }])),
      ),
      counts,
      refusals,
      done: Buffer.from(done, 'base64'),
      receivedAtMs,
    };
  } catch (error) {
    throw new BlockedError(
      'UNREADABLE_BATCH',
      `a staged batch of lane ${lane} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
      { cause: error },
    );
  }
}
