import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../domain/backoff.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Lake, LakeObject, ObjectKind } from '../../ports/lake.ts';
import { callAws, isNamed, translateError } from './translate-error.ts';

/** Names of an object's metadata; S3 adds the prefix `x-amz-meta-`. */
export const LAKE_METADATA = {
  kind: 'headgate-kind',
  rows: 'headgate-rows',
  writtenAtMs: 'headgate-written-at',
} as const;

const CONTENT_TYPE = 'application/vnd.apache.parquet';
/** How long S3's "a conflicting write is under way, try again" (409) is answered by trying again. */
const CONFLICT_BUDGET_MS = 10_000;
const CONFLICT_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, maxAttempts: 10 };

/** The lake in one S3 bucket. Encryption is the bucket's default. */
export class S3Lake implements Lake {
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

  async putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'> {
    const deadlineMs = this.#clock.nowMs() + CONFLICT_BUDGET_MS;
    for (let attempts = 1; ; attempts++) {
      try {
        await this.#put(key, object, '*');
        return 'created';
      } catch (error) {
        if (isNamed(error, 'PreconditionFailed')) return 'exists';
        // The SDK does not repeat this one: of two simultaneous writers S3 may refuse both.
        const delayMs = isConflict(error)
          ? nextDelayMs(CONFLICT_POLICY, attempts, deadlineMs - this.#clock.nowMs(), this.#random())
          : undefined;
        if (delayMs === undefined) {
          throw translateError(error, { operation: 'PutObject', resource: this.#url(key) });
        }
        await this.#clock.sleep(delayMs);
      }
    }
  }

  async overwrite(key: string, object: LakeObject): Promise<void> {
    await callAws({ operation: 'PutObject', resource: this.#url(key) }, () => this.#put(key, object));
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

  async #put(key: string, object: LakeObject, ifNoneMatch?: '*'): Promise<void> {
    await this.#s3.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: object.bytes,
        ContentLength: object.bytes.length,
        ContentType: CONTENT_TYPE,
        ChecksumAlgorithm: 'CRC32',
        IfNoneMatch: ifNoneMatch,
        Metadata: {
          [LAKE_METADATA.kind]: object.kind,
          [LAKE_METADATA.rows]: String(object.rows),
          [LAKE_METADATA.writtenAtMs]: String(object.writtenAtMs),
        },
      }),
    );
  }

  #url(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }
}

function isConflict(error: unknown): boolean {
  return isNamed(error, 'ConditionalRequestConflict') || isNamed(error, 'OperationAborted');
}
