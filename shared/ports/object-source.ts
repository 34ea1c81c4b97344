import { RejectedError } from '../domain/errors.ts';

/**
 * Objects of a bucket, or files of a folder, that somebody else writes.
 *
 * Promises of every implementation:
 * - `list` sees every object that was there when it was called, in ascending order of their names as UTF-8 bytes.
 * - A `tag` stands for one content: an object that is overwritten with another content has another tag.
 * - What `open` gives are the bytes of exactly that version, from `offset` to its end and nothing less: a connection that
 *   breaks is resumed at the byte that was reached.
 * - What is thrown is a HeadgateError: `ObjectGoneError` when that version is not there any more, also in the middle;
 *   `retry` for what may pass, `block` for what an operator has to mend.
 * - Whoever stops taking bytes ends the connection.
 */
export interface ObjectSource {
  /** The next objects whose names come after `after`; at most some thousand. */
  list(after: string, deadlineMs: number): Promise<ObjectPage>;
  open(object: ObjectVersion, offset: number, deadlineMs: number): AsyncIterable<Uint8Array>;
}

/** One content of one object. */
export interface ObjectVersion {
  /** Name of the object after the source's location. */
  readonly name: string;
  /** ETag, or what stands for it. */
  readonly tag: string;
  /** Size as it is stored. */
  readonly bytes: number;
}

/** A part of a listing. */
export interface ObjectPage {
  readonly objects: readonly ObjectVersion[];
  /** Whether there are no more behind it. */
  readonly isLast: boolean;
  /** What to list after next: the last name, which may be that of something that is no object. */
  readonly last: string;
}

/** A version was replaced or deleted. */
export class ObjectGoneError extends RejectedError {
  constructor(name: string) {
    super('OBJECT_GONE', `this version of ${JSON.stringify(name)} was replaced or deleted`);
  }
}
