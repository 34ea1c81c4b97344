import type { S3Client } from '@aws-sdk/client-s3';
import type { FileStage } from '../../ports/file-stage.ts';
import { createObject } from './create-object.ts';
import { readObject } from './read-object.ts';

/** Staged files in the landing zone of the lake, beside the staged batches: `landing/<name>.parquet`. */
export class S3FileStage implements FileStage {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return await createObject(this.#s3, {
      Bucket: this.#bucket,
      Key: keyOf(name),
      Body: bytes,
      ContentLength: bytes.length,
      ContentType: 'application/vnd.apache.parquet',
    });
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return (await readObject(this.#s3, this.#bucket, keyOf(name)))?.bytes;
  }
}

const keyOf = (name: string): string => `landing/${name}.parquet`;
