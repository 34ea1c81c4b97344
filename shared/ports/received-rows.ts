/**
 * Says when the rows of Parquet files were received. What was added is remembered until `close`, on disk where it is much.
 *
 * Promises of every implementation:
 * - Bytes that are no such file throw a RejectedError with code `NOT_A_TABLE`.
 */
export interface ReceivedRows {
  /** Rows of a file of the lake, by hour since the epoch. */
  count(bytes: Uint8Array): Promise<ReadonlyMap<number, number>>;
  /** The same, and remembers the identities of the rows that were received in these hours, both included. */
  add(
    bytes: Uint8Array,
    hours: { readonly from: number; readonly to: number },
  ): Promise<ReadonlyMap<number, number>>;
  /** Hours of all rows of a file of the quarantine, in their order. */
  quarantined(bytes: Uint8Array): Promise<readonly number[]>;
  /** Rows more than identities, of all that was added: each identity is there once, or something is wrong. */
  repeated(): Promise<number>;
  close(): Promise<void>;
}
