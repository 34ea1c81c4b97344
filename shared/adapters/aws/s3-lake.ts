import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { BlockedError } from '../../domain/errors.ts';
import type { Lake, LakeObject, ObjectKind } from '../../ports/lake.ts';
import { createObject } from './create-object.ts';
import { callAws, isNamed } from './translate-error.ts';

/** Names of an object's metadata; S3 adds the prefix `x-amz-meta-`. */
export const LAKE_METADATA = {
  kind: 'headgate-kind',
  lane: 'headgate-lane',
  rows: 'headgate-rows',
  writtenAtMs: 'headgate-written-at',
} as const;

const CONTENT_TYPE = 'application/vnd.apache.parquet';

/** The lake in one S3 bucket. Encryption is the bucket's default. */
export class S3Lake implements Lake {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'> {
    return await createObject(this.#s3, this.#toInput(key, object));
  }

  async overwrite(key: string, object: LakeObject): Promise<void> {
    await callAws({ operation: 'PutObject', resource: this.#url(key) }, () =>
      this.#s3.send(new PutObjectCommand({ ...this.#toInput(key, object), ChecksumAlgorithm: 'CRC32' })),
    );
  }

  async kindOf(key: string): Promise<ObjectKind | undefined> {
    const answer = await callAws({ operation: 'HeadObject', resource: this.#url(key) }, async () => {
      try {
        return await this.#s3.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
      } catch (error) {
        if (isNamed(error, 'NotFound') || isNamed(error, 'NoSuchKey')) return undefined;
        throw error;
      }
    });
    if (answer === undefined) return undefined;
    const kind = answer.Metadata?.[LAKE_METADATA.kind];
    if (kind === 'data' || kind === 'tombstone') return kind;
    throw new BlockedError(
      'FOREIGN_OBJECT',
      `${this.#url(key)} was not written by Headgate: its metadata ${LAKE_METADATA.kind} is ` +
        `${kind === undefined ? 'missing' : JSON.stringify(kind)} instead of data or tombstone; move the object away`,
    );
  }

  #toInput(key: string, object: LakeObject): Parameters<typeof createObject>[1] {
    return {
      Bucket: this.#bucket,
      Key: key,
      Body: object.bytes,
      ContentLength: object.bytes.length,
      ContentType: CONTENT_TYPE,
      Metadata: {
        [LAKE_METADATA.kind]: object.kind,
        [LAKE_METADATA.lane]: object.lane,
        [LAKE_METADATA.rows]: String(object.rows),
        [LAKE_METADATA.writtenAtMs]: String(object.writtenAtMs),
      },
    };
  }

  #url(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }
}
