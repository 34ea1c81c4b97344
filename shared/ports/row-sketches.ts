import type { Sketch } from '../domain/plan/content-sketch.ts';

/**
 * Sketches of the newest rows of a source in the lake. Values are compared as texts, numbers and times in one way whatever
 * their columns' types are; Headgate's own columns (`_source`, …) are left out.
 */
export interface RowSketches {
  /** The values of each column; none where nothing has landed, or nothing could be read within the limits. */
  columns(source: string): Promise<ReadonlyMap<string, Sketch>>;
  /** Rows of these columns, in this order. */
  rows(source: string, columns: readonly string[]): Promise<Sketch>;
}
