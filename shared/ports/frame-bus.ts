/**
 * Carries frames to the consumer, in order per shard.
 *
 * Promises of every implementation:
 * - A frame in `durable` is stored and will be delivered at least once within the bus's retention.
 * - Only failed frames are retried; a frame whose answer was lost may be delivered twice.
 * - It never throws because of throttling: what did not get through is in `refused`. When a frame is refused, so are
 *   those behind it with the same partition key.
 */
export interface FrameBus {
  /**
   * @throws RejectedError (`FRAME_TOO_LARGE`, `PARTITION_KEY_INVALID`) before anything is sent
   * @throws BlockedError when nothing could be sent because the stream or the permission is missing
   */
  send(frames: readonly OutgoingFrame[]): Promise<SendResult>;
}

export interface OutgoingFrame {
  readonly bytes: Uint8Array;
  /** Frames with the same partition key keep their order. */
  readonly partitionKey: string;
}

/** Where a frame stands. */
export interface FramePlace {
  /** Ledger key of the lane that lands it. */
  readonly lane: string;
  /** Its position on the lane: a sequence number, or the key of an object. */
  readonly position: string;
  /** Bytes that it takes there. */
  readonly bytes: number;
}

export interface SendResult {
  /** Indices of the frames that are durable. */
  readonly durable: readonly number[];
  /** Where each durable frame stands, in the order of `durable`: what its lane must reach for it to have landed. */
  readonly places: readonly FramePlace[];
  /** Indices of the frames that are not, after all retries. */
  readonly refused: readonly number[];
  /** Why frames were refused, for the log and the problem document. */
  readonly error: string | undefined;
}
