import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { landingFrameKey } from '../../domain/landing-frame.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FramePage, LandingZone } from '../../ports/landing-zone.ts';
import { deleteObjects } from './delete-objects.ts';
import { limitSigningTime } from './limit-signing-time.ts';
import { readObject } from './read-object.ts';
import { callAws } from './translate-error.ts';

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
    await deleteObjects(
      this.#s3,
      this.#bucket,
      names.map((name) => landingFrameKey(source, name)),
    );
  }

  #url(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }
}
