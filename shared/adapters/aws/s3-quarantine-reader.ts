import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { RejectedError } from '../../domain/errors.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import type { QuarantineFile, QuarantineFileFacts, QuarantineReader } from '../../ports/quarantine-reader.ts';
import { readObject } from './read-object.ts';
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
    const object = await readObject(this.#s3, this.#bucket, key);
    if (object === undefined) return undefined;
    const { kind, lane } = this.#factsOf(key, object.metadata);
    return { kind, lane, rows: kind === 'data' ? await this.#readTable(object.bytes) : [] };
  }

  async describe(key: string): Promise<QuarantineFileFacts | undefined> {
    const metadata = await callAws(
      { operation: 'HeadObject', resource: `s3://${this.#bucket}/${key}` },
      async () => {
        try {
          const { Metadata: found = {} } = await this.#s3.send(
            new HeadObjectCommand({ Bucket: this.#bucket, Key: key }),
          );
          return found;
        } catch (error) {
          if (isNamed(error, 'NotFound') || isNamed(error, 'NoSuchKey')) return undefined;
          throw error;
        }
      },
    );
    if (metadata === undefined) return undefined;
    const { kind, rows } = this.#factsOf(key, metadata);
    return { kind, rows };
  }

  #factsOf(
    key: string,
    {
      [LAKE_METADATA.kind]: kind,
      [LAKE_METADATA.lane]: lane,
      [LAKE_METADATA.rows]: rows,
    }: Readonly<Record<string, string>>,
  ): QuarantineFileFacts & { readonly lane: string } {
    if ((kind === 'data' || kind === 'tombstone') && lane !== undefined) {
      return { kind, lane, rows: kind === 'data' ? Number(rows) : 0 };
    }
    throw new RejectedError(
      'QUARANTINE_FILE_FOREIGN',
      `s3://${this.#bucket}/${key} was not written by Headgate: it lacks the metadata ${LAKE_METADATA.kind} or ${LAKE_METADATA.lane}; ` +
        'name a file that was',
    );
  }
}
