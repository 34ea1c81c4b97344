import type { S3Client } from '@aws-sdk/client-s3';
import { RejectedError } from '../../domain/errors.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import type { QuarantineFile, QuarantineReader } from '../../ports/quarantine-reader.ts';
import { readObject } from './read-object.ts';
import { LAKE_METADATA } from './s3-lake.ts';

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
    const object = await readObject(this.#s3, this.#bucket, key);
    if (object === undefined) return undefined;
    const { [LAKE_METADATA.kind]: kind, [LAKE_METADATA.lane]: lane } = object.metadata;
    if ((kind !== 'data' && kind !== 'tombstone') || lane === undefined) {
      throw new RejectedError(
        'QUARANTINE_FILE_FOREIGN',
        `s3://${this.#bucket}/${key} was not written by Headgate: it lacks the metadata ${LAKE_METADATA.kind} or ${LAKE_METADATA.lane}; ` +
          'name a file that was',
      );
    }
    return { kind, lane, rows: kind === 'data' ? await this.#readTable(object.bytes) : [] };
  }
}
