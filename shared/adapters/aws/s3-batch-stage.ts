import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DEFAULT_RETRY_POLICY, nextDelayMs } from '../../domain/backoff.ts';
import { TransientError } from '../../domain/errors.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import { callAws, isNamed } from './translate-error.ts';

/** How long writers that get in each other's way go on trying. */
const CONTENTION_BUDGET_MS = 10_000;

/** Staged batches in the landing zone of the lake: `landing/<lane>/<number>.batch`. */
export class S3BatchStage implements BatchStage {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(options: {
    readonly s3: S3Client;
    readonly bucket: string;
    readonly clock: Clock;
    readonly random?: () => number;
  }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
  }

  find(lane: string, number: number): Promise<Uint8Array | undefined> {
    const key = keyOf(lane, number);
    return callAws({ operation: 'GetObject', resource: `s3://${this.#bucket}/${key}` }, async () => {
      try {
        const answer = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
        return await answer.Body?.transformToByteArray();
      } catch (error) {
        if (isNamed(error, 'NoSuchKey') || isNamed(error, 'NotFound')) return undefined;
        throw error;
      }
    });
  }

  async decide(lane: string, number: number, bytes: Uint8Array): Promise<Uint8Array> {
    const deadlineMs = this.#clock.nowMs() + CONTENTION_BUDGET_MS;
    for (let attempts = 1; ; attempts++) {
      if (await this.#create(keyOf(lane, number), bytes)) return bytes;
      // Taken, or being written by somebody else: S3 may refuse both of two simultaneous writers.
      const decided = await this.find(lane, number);
      if (decided !== undefined) return decided;
      const remainingMs = deadlineMs - this.#clock.nowMs();
      const delayMs = nextDelayMs(DEFAULT_RETRY_POLICY, attempts, remainingMs, this.#random());
      if (delayMs === undefined) {
        throw new TransientError(
          'STAGE_CONTENTION',
          `other writers of batch ${lane}/${String(number)} keep winning`,
        );
      }
      await this.#clock.sleep(delayMs);
    }
  }

  /** @returns whether the object was created */
  #create(key: string, bytes: Uint8Array): Promise<boolean> {
    return callAws({ operation: 'PutObject', resource: `s3://${this.#bucket}/${key}` }, async () => {
      try {
        await this.#s3.send(
          new PutObjectCommand({
            Bucket: this.#bucket,
            Key: key,
            Body: bytes,
            ContentType: 'application/octet-stream',
            IfNoneMatch: '*',
          }),
        );
        return true;
      } catch (error) {
        if (isNamed(error, 'PreconditionFailed') || isNamed(error, 'ConditionalRequestConflict'))
          return false;
        throw error;
      }
    });
  }
}

const keyOf = (lane: string, number: number): string => `landing/${lane}/${String(number)}.batch`;
