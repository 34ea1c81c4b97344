import type { S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../../domain/errors.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import { createObject } from './create-object.ts';
import { deleteObjects } from './delete-objects.ts';
import { readObject } from './read-object.ts';

/** Staged batches in the landing zone of the lake: `landing/<lane>/<number>.batch`. */
export class S3BatchStage implements BatchStage {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async find(lane: string, number: number): Promise<Uint8Array | undefined> {
    return (await readObject(this.#s3, this.#bucket, keyOf(lane, number)))?.bytes;
  }

  async decide(lane: string, number: number, bytes: Uint8Array): Promise<Uint8Array> {
    const outcome = await createObject(this.#s3, {
      Bucket: this.#bucket,
      Key: keyOf(lane, number),
      Body: bytes,
      ContentLength: bytes.length,
      ContentType: 'application/octet-stream',
    });
    if (outcome === 'created') return bytes;
    const decided = await this.find(lane, number);
    if (decided !== undefined) return decided;
    throw new TransientError(
      'STAGED_BATCH_VANISHED',
      `${keyOf(lane, number)} was there and is gone; nothing may delete a staged batch that is not committed`,
    );
  }

  async remove(lane: string, numbers: readonly number[]): Promise<void> {
    await deleteObjects(
      this.#s3,
      this.#bucket,
      numbers.map((number) => keyOf(lane, number)),
    );
  }
}

const keyOf = (lane: string, number: number): string => `landing/${lane}/${String(number)}.batch`;
