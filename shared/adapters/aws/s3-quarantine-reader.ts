import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { RejectedError } from '../../domain/errors.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import type { QuarantineFile, QuarantineReader } from '../../ports/quarantine-reader.ts';
import { LAKE_METADATA } from './s3-lake.ts';
import { callAws, isNamed } from './translate-error.ts';

/** Quarantine files in the bucket of the lake. */
export class S3QuarantineReader implements QuarantineReader {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #readTable: (bytes: Uint8Array) => Promise<readonly QuarantineRow[]>;

  constructor(options: {
    readonly s3: S3Client;
    readonly bucket: string;
    /** Reads the rows of a Parquet file. */
    readonly readTable: (bytes: Uint8Array) => Promise<readonly QuarantineRow[]>;
  }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
    this.#readTable = options.readTable;
  }

  async read(key: string): Promise<QuarantineFile | undefined> {
    const url = `s3://${this.#bucket}/${key}`;
    const object = await callAws({ operation: 'GetObject', resource: url }, async () => {
      try {
        const answer = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
        return { metadata: answer.Metadata ?? {}, bytes: await answer.Body?.transformToByteArray() };
      } catch (error) {
        if (isNamed(error, 'NoSuchKey') || isNamed(error, 'NotFound')) return undefined;
        throw error;
      }
    });
    if (object === undefined) return undefined;
    const { [LAKE_METADATA.kind]: kind, [LAKE_METADATA.lane]: lane } = object.metadata;
    if ((kind !== 'data' && kind !== 'tombstone') || lane === undefined || object.bytes === undefined) {
      throw new RejectedError(
        'QUARANTINE_FILE_FOREIGN',
        `${url} was not written by Headgate: it lacks the metadata ${LAKE_METADATA.kind} or ${LAKE_METADATA.lane}; ` +
          'name a file that was',
      );
    }
    return { kind, lane, rows: kind === 'data' ? await this.#readTable(object.bytes) : [] };
  }
}
