import { createHash } from 'node:crypto';
import { TransientError } from '../../domain/errors.ts';
import { streamLane } from '../../domain/stream-batch.ts';
import { assertStreamRecord, streamRecordBytes } from '../../domain/stream-record.ts';
import type { FrameBus, FramePlace, OutgoingFrame, SendResult } from '../../ports/frame-bus.ts';
import { takeTurn, type Turn } from './turn.ts';

/** A frame as it stands in a shard. */
export interface StoredFrame {
  readonly shardId: string;
  /** Decimal; increases within a shard, with the length that Kinesis uses today. */
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly bytes: Uint8Array;
}

/** First sequence number minus one; 56 digits, as Kinesis numbers have. */
const SEQUENCE_START = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000n;

/** A bus in memory. `refuse` says which frames do not get through, and why. */
export class MemoryFrameBus implements FrameBus {
  readonly #frames: StoredFrame[] = [];
  readonly #stream: string;
  readonly #shards: number;
  readonly #refuse: (frame: OutgoingFrame) => string | undefined;
  readonly #turn: Turn | undefined;

  constructor(
    options: {
      readonly stream?: string;
      readonly shards?: number;
      readonly refuse?: (frame: OutgoingFrame) => string | undefined;
      readonly turn?: Turn;
    } = {},
  ) {
    this.#stream = options.stream ?? 'ingest';
    this.#shards = options.shards ?? 1;
    this.#refuse = options.refuse ?? (() => undefined);
    this.#turn = options.turn;
  }

  async send(frames: readonly OutgoingFrame[]): Promise<SendResult> {
    const subject = `${String(frames.length)} frames`;
    const sent = takeTurn(this.#turn, { port: 'bus', operation: 'send', subject }, () => {
      frames.forEach(assertStreamRecord);
      const durable: number[] = [];
      const places: FramePlace[] = [];
      const refused: number[] = [];
      // Frames behind a refused one are refused as well: that keeps their order.
      const refusedKeys = new Set<string>();
      let error: string | undefined;
      for (const [index, frame] of frames.entries()) {
        const reason = this.#refuse(frame);
        error ??= reason;
        if (reason !== undefined) refusedKeys.add(frame.partitionKey);
        if (refusedKeys.has(frame.partitionKey)) {
          refused.push(index);
        } else {
          places.push(this.#store(frame));
          durable.push(index);
        }
      }
      return { durable, places, refused, error };
    });
    return await sent.catch((error: unknown) => {
      if (!(error instanceof TransientError)) throw error;
      return { durable: [], places: [], refused: frames.map((_, index) => index), error: error.message };
    });
  }

  /** Everything that was sent, in order, of one shard or of all. */
  frames(shardId?: string): readonly StoredFrame[] {
    return this.#frames.filter((frame) => shardId === undefined || frame.shardId === shardId);
  }

  #store({ partitionKey, bytes }: OutgoingFrame): FramePlace {
    const shard = createHash('md5').update(partitionKey).digest().readUInt32BE() % this.#shards;
    const shardId = `shardId-${String(shard).padStart(12, '0')}`;
    const sequenceNumber = String(SEQUENCE_START + BigInt(this.#frames.length + 1));
    this.#frames.push({ shardId, sequenceNumber, partitionKey, bytes: Uint8Array.from(bytes) });
    const lane = streamLane({ stream: this.#stream, shardId });
    return { lane, position: sequenceNumber, bytes: streamRecordBytes({ bytes, partitionKey }) };
  }
}
