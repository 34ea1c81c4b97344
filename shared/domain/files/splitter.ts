import { RejectedError } from '../errors.ts';
import type { Place } from '../files-position.ts';

/** A record of an object. */
export interface Piece {
  /** One JSON text. */
  readonly bytes: Uint8Array;
  /** Number of the line that it begins in, from 1; undefined where lines say nothing. */
  readonly line?: number | undefined;
  /** Why it is no record; its text then is a JSON string, which no contract accepts. */
  readonly problem?: string | undefined;
}

/**
 * Cuts a text into records, part by part. What it finds does not depend on how the text is divided into parts.
 */
export interface Splitter {
  /**
   * Takes as many whole records as there are.
   *
   * @param bytes what follows the last record that was taken
   * @param isLast whether the text ends with them
   * @param pieces receives the records; those found before an error too
   * @returns bytes that were used; 0 if more are needed
   * @throws RejectedError with code `OBJECT_UNREADABLE` when the rest cannot be divided into records
   */
  split(bytes: Buffer, isLast: boolean, pieces: Piece[]): number;
  /** Lines that were taken, and what the splitter has to know to go on here; undefined inside of a record. */
  place(): Pick<Place, 'line' | 'state'> | undefined;
}

/** The rest of an object is not what it should be. */
export function unreadableObject(problem: string): RejectedError {
  return new RejectedError('OBJECT_UNREADABLE', problem);
}

/** What is kept of a record that is too large. */
const SHOWN_BYTES = 1_024;

/** A text that is no record, as one JSON string. */
export function showText(bytes: Uint8Array): Buffer {
  return Buffer.from(JSON.stringify(Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('utf8')));
}

/** A text that is no record, all of it. */
export function quoteText(bytes: Buffer): Buffer {
  return Buffer.from(JSON.stringify(bytes.toString('utf8')));
}

export function tooLarge(maxRecordBytes: number): string {
  return `has more than ${String(maxRecordBytes)} bytes; set maxRecordBytes if it is right (64 MiB at most)`;
}
