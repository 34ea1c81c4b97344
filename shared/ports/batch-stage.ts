/**
 * Holds batches of lanes whose source may answer differently when it is asked again. What batch `number` of a lane is,
 * is decided once, before any key is claimed for it: otherwise a failed attempt could claim keys for records that its
 * successor, which found other pages, does not write.
 *
 * Promises of every implementation:
 * - Of several writers of one batch one decides; all of them get its bytes.
 * - A read after a write sees it.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface BatchStage {
  find(lane: string, number: number): Promise<Uint8Array | undefined>;
  /** @returns what the batch is: `bytes`, unless another writer was first */
  decide(lane: string, number: number, bytes: Uint8Array): Promise<Uint8Array>;
  /** Removes batches that nobody will ask for any more. One that is not there is no error. */
  remove(lane: string, numbers: readonly number[]): Promise<void>;
}
