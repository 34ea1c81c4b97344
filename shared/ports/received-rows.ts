/**
 * Says when the rows of Parquet files were received. What was added is remembered until `close`, on disk where it is much.
 *
 * Promises of every implementation:
 * - Of bytes that are no such file the answer is undefined.
 */
export interface ReceivedRows {
  /** Rows of a file of the lake, by hour since the epoch. */
  count(bytes: Uint8Array): Promise<ReadonlyMap<number, number> | undefined>;
  /** The same, and remembers the identities of the rows that were received in these hours, both included. */
  add(
    bytes: Uint8Array,
    hours: { readonly from: number; readonly to: number },
  ): Promise<ReadonlyMap<number, number> | undefined>;
  /** Hours of all rows of a file of the quarantine, in their order. */
  quarantined(bytes: Uint8Array): Promise<readonly number[] | undefined>;
  /** Rows more than identities, of all that was added: each identity is there once, or something is wrong. */
  repeated(): Promise<number>;
  close(): Promise<void>;
}
