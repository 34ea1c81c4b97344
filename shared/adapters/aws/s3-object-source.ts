import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  ObjectGoneError,
  type ObjectPage,
  type ObjectSource,
  type ObjectVersion,
} from '../../ports/object-source.ts';
import { callAws, isNamed, translateError } from './translate-error.ts';

export interface S3ObjectSourceOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  /** Begin of all keys; ends with a slash, or is empty. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Bytes of a connection before the rest is asked for anew; all by default. */
  readonly maxRangeBytes?: number;
}

/** Connections in a row that may break without a byte. */
const MAX_BREAKS = 5;
const FIRST_PAUSE_MS = 200;

/** Objects under a prefix of a bucket. */
export class S3ObjectSource implements ObjectSource {
  readonly #options: S3ObjectSourceOptions;

  constructor(options: S3ObjectSourceOptions) {
    this.#options = options;
  }

  async list(after: string): Promise<ObjectPage> {
    const { s3, bucket, prefix } = this.#options;
    const page = await callAws({ operation: 'ListObjectsV2', resource: `s3://${bucket}/${prefix}` }, () =>
      s3.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          ...(after !== '' && { StartAfter: prefix + after }),
        }),
      ),
    );
    const contents = page.Contents ?? [];
    const objects = contents.flatMap(({ Key: key, ETag: tag, Size: bytes }): ObjectVersion[] =>
      // The folder itself has no name.
      key === undefined || tag === undefined || bytes === undefined || key === prefix
        ? []
        : [{ name: key.slice(prefix.length), tag: tag.replaceAll('"', ''), bytes }],
    );
    const last = contents.at(-1)?.Key?.slice(prefix.length);
    return { objects, isLast: page.IsTruncated !== true, last: last ?? after };
  }

  async *open(object: ObjectVersion, offset: number, deadlineMs: number): AsyncGenerator<Uint8Array> {
    const { clock } = this.#options;
    let at = offset;
    let breaks = 0;
    // A range that begins behind the last byte is an error to S3.
    while (at < object.bytes) {
      const from = at;
      try {
        for await (const chunk of await this.#get(object, at)) {
          at += chunk.length;
          yield chunk;
        }
      } catch (error) {
        const known = translateError(error, { operation: 'GetObject', resource: this.#urlOf(object) });
        const mayPass = known instanceof TransientError || !isHeadgate(known);
        if (!mayPass) throw known;
        breaks = at > from ? 1 : breaks + 1;
        const pauseMs = FIRST_PAUSE_MS * 2 ** breaks;
        if (breaks > MAX_BREAKS || clock.nowMs() + pauseMs > deadlineMs) {
          throw new TransientError(
            'OBJECT_CUT_OFF',
            `${this.#urlOf(object)} broke off at byte ${String(at)} again and again; it is read on later`,
            {
              cause: known,
            },
          );
        }
        await clock.sleep(pauseMs);
        continue;
      }
      if (at === from)
        throw new TransientError(
          'OBJECT_CUT_OFF',
          `${this.#urlOf(object)} ended at byte ${String(at)} of ${String(object.bytes)}`,
        );
    }
  }

  async #get(object: ObjectVersion, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const { s3, bucket, prefix, maxRangeBytes = Infinity } = this.#options;
    const end = Math.min(object.bytes, offset + maxRangeBytes) - 1;
    try {
      const { Body: body } = await s3.send(
        new GetObjectCommand({
          Bucket: bucket,
          Key: prefix + object.name,
          IfMatch: `"${object.tag}"`,
          Range: `bytes=${String(offset)}-${String(end)}`,
        }),
      );
      return (body ?? []) as unknown as AsyncIterable<Uint8Array>;
    } catch (error) {
      const isGone =
        isNamed(error, 'NoSuchKey') || isNamed(error, 'NotFound') || isNamed(error, 'PreconditionFailed');
      if (isGone || isNamed(error, 'InvalidRange')) throw new ObjectGoneError(object.name);
      if (isNamed(error, 'InvalidObjectState')) {
        throw new BlockedError(
          'OBJECT_ARCHIVED',
          `${this.#urlOf(object)} is in an archive and cannot be read; restore it, or move it out of the source's location`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  #urlOf({ name }: ObjectVersion): string {
    const { bucket, prefix } = this.#options;
    return `s3://${bucket}/${prefix}${name}`;
  }
}

const isHeadgate = (error: Error): boolean => 'disposition' in error;
