import type { S3Client } from '@aws-sdk/client-s3';
import { landingFrameKey, landingTimeOf } from '../../domain/landing-frame.ts';
import type { FrameWriter } from '../../ports/landing-zone.ts';
import { createObject } from './create-object.ts';

/** Puts frames into the landing zone of the lake: `landing/frames/<source>/<name>`. */
export class S3FrameWriter implements FrameWriter {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async put(source: string, name: string, bytes: Uint8Array, timeoutMs: number): Promise<void> {
    const signedAtMs = landingTimeOf(name);
    if (signedAtMs === undefined) throw new RangeError(`not the name of a frame: ${JSON.stringify(name)}`);
    await createObject(
      this.#s3,
      {
        Bucket: this.#bucket,
        Key: landingFrameKey(source, name),
        Body: bytes,
        ContentLength: bytes.length,
        ContentType: 'application/octet-stream',
      },
      { signedAtMs, abortSignal: AbortSignal.timeout(Math.max(1, timeoutMs)) },
    );
  }
}
