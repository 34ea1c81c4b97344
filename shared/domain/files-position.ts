import * as z from 'zod';
import { BlockedError } from './errors.ts';

/** How far the objects of a source have been landed. As JSON text it is the lane's position in the ledger. */
export interface FilesPosition {
  /** Number of the first list of landed versions; from it to the last commit they name everything that has landed. */
  readonly landedFrom: number;
  /** What `landedFrom` was before. Lists before that are of no use; those behind it may be asked for by runs that are late. */
  readonly formerFrom: number;
  /** Lists before this one have been removed. */
  readonly removedTo: number;
  /** Objects up to this name are decided for ever: listings begin behind it. Only where names ascend. */
  readonly floor: string;
  /**
   * The floor that the last listing has found. It holds from the listing after the next one on: objects that appear while
   * a listing is under way may come before some that it still finds, and the next one has to see them.
   */
  readonly nextFloor: string;
  /** The listing goes on after this name; empty: it begins anew, at the floor. */
  readonly listedTo: string;
  /** The object that has been landed in part. */
  readonly current: CurrentObject | undefined;
}

/** A version of an object, and how far it has been landed. */
export interface CurrentObject {
  readonly name: string;
  readonly tag: string;
  readonly bytes: number;
  readonly place: Place;
}

/** A place between two records of an object. */
export interface Place {
  /** Bytes before it, decompressed. For Parquet: rows before its row group. */
  readonly offset: number;
  /** Records before it. */
  readonly row: number;
  /** Lines before it. */
  readonly line: number;
  /** What the text around it is, where its format needs to know. */
  readonly state: '' | 'first' | 'next';
}

/** Before the first byte. */
export const OBJECT_START: Place = { offset: 0, row: 0, line: 0, state: '' };

const VERSION = 1;
const count = z.int().nonnegative();
const schema = z.strictObject({
  v: z.literal(VERSION),
  landedFrom: count,
  /** Earlier versions removed nothing. */
  formerFrom: count.default(0),
  removedTo: count.default(0),
  floor: z.string(),
  /** Earlier versions had one floor. */
  nextFloor: z.string().optional(),
  listedTo: z.string(),
  current: z
    .strictObject({
      name: z.string(),
      tag: z.string(),
      bytes: count,
      place: z.strictObject({ offset: count, row: count, line: count, state: z.enum(['', 'first', 'next']) }),
    })
    .optional(),
});

/** The position as text: one text per position. */
export function formatFilesPosition({
  landedFrom,
  formerFrom,
  removedTo,
  floor,
  nextFloor,
  listedTo,
  current,
}: FilesPosition): string {
  return JSON.stringify({
    v: VERSION,
    landedFrom,
    formerFrom,
    removedTo,
    floor,
    nextFloor,
    listedTo,
    current: current && {
      name: current.name,
      tag: current.tag,
      bytes: current.bytes,
      place: {
        offset: current.place.offset,
        row: current.place.row,
        line: current.place.line,
        state: current.place.state,
      },
    },
  });
}

/**
 * Reads a position.
 *
 * @param commits commits of the lane: without a position nothing that landed before counts
 * @throws BlockedError with code `UNREADABLE_POSITION`: landing from anywhere else could land objects twice
 */
export function parseFilesPosition(lane: string, text: string | undefined, commits: number): FilesPosition {
  if (text === undefined) {
    const from = { landedFrom: commits, formerFrom: commits, removedTo: commits };
    return { ...from, floor: '', nextFloor: '', listedTo: '', current: undefined };
  }
  try {
    const { landedFrom, formerFrom, removedTo, floor, nextFloor, listedTo, current } = schema.parse(
      JSON.parse(text),
    );
    return { landedFrom, formerFrom, removedTo, floor, nextFloor: nextFloor ?? floor, listedTo, current };
  } catch (error) {
    throw new BlockedError(
      'UNREADABLE_POSITION',
      `the position of lane ${lane} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
      { cause: error },
    );
  }
}
