import { DeleteObjectsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../../domain/errors.ts';
import { LANDING_FRAMES_PREFIX, landingFrameKey } from '../../domain/landing-frame.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FramePage, LandingZone } from '../../ports/landing-zone.ts';
import { limitSigningTime } from './limit-signing-time.ts';
import { readObject } from './read-object.ts';
import { callAws } from './translate-error.ts';

/** Objects that one call deletes at most. */
const MAX_DELETES = 1_000;

/** Reads and clears the landing zone of the lake. */
export class S3LandingZone implements LandingZone {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #clock: Clock;

  constructor(options: { readonly s3: S3Client; readonly bucket: string; readonly clock: Clock }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
    this.#clock = options.clock;
  }

  async list(source: string, after: string): Promise<FramePage> {
    const prefix = landingFrameKey(source, '');
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      ...(after !== '' && { StartAfter: prefix + after }),
    });
    limitSigningTime(command, this.#clock.nowMs());
    const page = await callAws({ operation: 'ListObjectsV2', resource: this.#url(prefix) }, () =>
      this.#s3.send(command),
    );
    return {
      frames: (page.Contents ?? []).flatMap(({ Key: key, Size: bytes = 0 }) =>
        key === undefined ? [] : [{ name: key.slice(prefix.length), bytes }],
      ),
      isLast: page.IsTruncated !== true,
    };
  }

  async read(source: string, name: string): Promise<Uint8Array | undefined> {
    return (await readObject(this.#s3, this.#bucket, landingFrameKey(source, name)))?.bytes;
  }

  async remove(source: string, names: readonly string[]): Promise<void> {
    for (let at = 0; at < names.length; at += MAX_DELETES) {
      const keys = names.slice(at, at + MAX_DELETES).map((name) => landingFrameKey(source, name));
      const answer = await callAws(
        { operation: 'DeleteObjects', resource: this.#url(LANDING_FRAMES_PREFIX) },
        () =>
          this.#s3.send(
            new DeleteObjectsCommand({
              Bucket: this.#bucket,
              Delete: { Objects: keys.map((key) => ({ Key: key })), Quiet: true },
            }),
          ),
      );
      const [refused] = answer.Errors ?? [];
      if (refused === undefined) continue;
      throw new TransientError(
        'OBJECTS_NOT_DELETED',
        `${String(answer.Errors?.length ?? 0)} of ${String(keys.length)} objects were not deleted, ` +
          `${refused.Key ?? 'one'} first (${refused.Code ?? 'no reason given'})`,
      );
    }
  }

  #url(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }
}
