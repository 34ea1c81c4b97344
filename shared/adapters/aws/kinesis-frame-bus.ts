import { PutRecordsCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../domain/backoff.ts';
import { TransientError } from '../../domain/errors.ts';
import { streamLane } from '../../domain/stream-batch.ts';
import { assertStreamRecord, streamRecordBytes } from '../../domain/stream-record.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FrameBus, FramePlace, OutgoingFrame, SendResult } from '../../ports/frame-bus.ts';
import { chunkFrames } from './chunk-frames.ts';
import { translateError } from './translate-error.ts';

/** Leaves a push function time to answer before its own time-out. */
const DEFAULT_BUDGET_MS = 10_000;

/**
 * Frames in a Kinesis stream. PutRecords answers 200 even when some entries failed, and does not keep the order of its
 * entries: so only failed entries are sent again, and of frames with one partition key the next is sent only when the
 * one before is durable. If that one is refused, those behind it are refused as well.
 */
export class KinesisFrameBus implements FrameBus {
  readonly #kinesis: KinesisClient;
  readonly #stream: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #policy: RetryPolicy;
  readonly #budgetMs: number;

  constructor(options: {
    /** Should make one attempt per call: repeating is done here. */
    readonly kinesis: KinesisClient;
    readonly stream: string;
    readonly clock: Clock;
    readonly random?: () => number;
    readonly policy?: RetryPolicy;
    /** Time for one `send`, retries included. */
    readonly budgetMs?: number;
  }) {
    this.#kinesis = options.kinesis;
    this.#stream = options.stream;
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.#policy = options.policy ?? DEFAULT_RETRY_POLICY;
    this.#budgetMs = options.budgetMs ?? DEFAULT_BUDGET_MS;
  }

  /**
   * @throws HeadgateError (block) when nothing could be sent because the stream or the permission is missing
   */
  async send(frames: readonly OutgoingFrame[]): Promise<SendResult> {
    frames.forEach(assertStreamRecord);
    const deadlineMs = this.#clock.nowMs() + this.#budgetMs;
    const attempts = new Map<number, number>();
    const durable = new Map<number, FramePlace>();
    const refused: number[] = [];
    let waiting = frames.map((_, index) => index);
    let error: string | undefined;

    const refuse = (indices: readonly number[]): void => {
      const keys = new Set(indices.map((index) => frames[index]?.partitionKey));
      refused.push(...waiting.filter((index) => keys.has(frames[index]?.partitionKey)));
      waiting = waiting.filter((index) => !keys.has(frames[index]?.partitionKey));
    };

    while (waiting.length > 0) {
      const remainingMs = deadlineMs - this.#clock.nowMs();
      const chunk = chunkFrames(frames, waiting);
      const outcome = await this.#put(frames, chunk, remainingMs);
      const { places } = outcome;
      const failed = chunk.filter((index) => !places.has(index));
      for (const [index, place] of places) durable.set(index, place);
      waiting = waiting.filter((index) => !places.has(index));
      if (outcome.error === undefined) continue;

      error = outcome.error.message;
      if (!(outcome.error instanceof TransientError)) {
        if (durable.size === 0) throw outcome.error;
        refuse(waiting);
        break;
      }
      for (const index of failed) attempts.set(index, (attempts.get(index) ?? 0) + 1);
      refuse(failed.filter((index) => (attempts.get(index) ?? 0) >= this.#policy.maxAttempts));
      const tried = Math.max(0, ...waiting.map((index) => attempts.get(index) ?? 0));
      if (tried === 0) continue;
      const delayMs = nextDelayMs(this.#policy, tried, deadlineMs - this.#clock.nowMs(), this.#random());
      if (delayMs === undefined) refuse(waiting);
      else await this.#clock.sleep(delayMs);
    }
    const inOrder = [...durable].sort(([a], [b]) => a - b);
    return {
      durable: inOrder.map(([index]) => index),
      places: inOrder.map(([, place]) => place),
      refused: refused.sort((a, b) => a - b),
      error: refused.length > 0 ? error : undefined,
    };
  }

  /** One PutRecords call: where its entries stand, and why some of them stand nowhere. */
  async #put(
    frames: readonly OutgoingFrame[],
    chunk: readonly number[],
    remainingMs: number,
  ): Promise<{ readonly places: ReadonlyMap<number, FramePlace>; readonly error: Error | undefined }> {
    const places = new Map<number, FramePlace>();
    try {
      const answer = await this.#kinesis.send(
        new PutRecordsCommand({
          StreamName: this.#stream,
          Records: chunk.map((index) => ({
            Data: frames[index]?.bytes,
            PartitionKey: frames[index]?.partitionKey,
          })),
        }),
        { abortSignal: AbortSignal.timeout(Math.max(1, remainingMs)) },
      );
      for (const [i, index] of chunk.entries()) {
        const { SequenceNumber: sequenceNumber, ShardId: shardId } = answer.Records?.[i] ?? {};
        const frame = frames[index];
        if (sequenceNumber === undefined || shardId === undefined || frame === undefined) continue;
        const lane = streamLane({ stream: this.#stream, shardId });
        // As the ledger writes it. Kinesis has no leading zeros; what stands in for it elsewhere may.
        const position = sequenceNumber.replace(/^0+(?=\d)/, '');
        places.set(index, { lane, position, bytes: streamRecordBytes(frame) });
      }
      const failures = chunk.length - places.size;
      if (failures === 0) return { places, error: undefined };
      const code = answer.Records?.find((entry) => entry.ErrorCode !== undefined)?.ErrorCode ?? 'no answer';
      return {
        places,
        error: new TransientError(
          'STREAM_THROTTLED',
          `stream ${this.#stream} refused ${String(failures)} of ${String(chunk.length)} frames (${code}): ` +
            'repeat them later, or add shards',
        ),
      };
    } catch (error) {
      return {
        places,
        error: translateError(error, { operation: 'PutRecords', resource: `stream ${this.#stream}` }),
      };
    }
  }
}
