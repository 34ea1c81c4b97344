import type { S3Client } from '@aws-sdk/client-s3';
import { BlockedError } from '../../domain/errors.ts';
import { CLAIM_OBJECTS_PREFIX, keptDaysFor } from '../../domain/claim-objects.ts';
import { createObject } from './create-object.ts';
import { readObject } from './read-object.ts';

const LENGTH_BYTES = 4;

/**
 * Packed claims as objects of the lake bucket: all claims of a batch are one object, its parts one after the other, each
 * with its length (32 bits, little endian) before it. Objects never change, and expire by the days in their key.
 */
export class S3ClaimObjects {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  /**
   * @param token unique
   * @param keptMs how long the object must be there at least
   * @returns its id
   */
  async put(token: string, packed: readonly Uint8Array[], keptMs: number): Promise<string> {
    const id = `${String(keptDaysFor(keptMs))}/${token}`;
    const parts = packed.flatMap((part) => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32LE(part.length);
      return [length, part];
    });
    const body = Buffer.concat(parts);
    // The token is new: an object that is there already is this one, after an answer that was lost.
    await createObject(this.#s3, {
      Bucket: this.#bucket,
      Key: CLAIM_OBJECTS_PREFIX + id,
      Body: body,
      ContentLength: body.length,
      ContentType: 'application/octet-stream',
    });
    return id;
  }

  /**
   * @returns the parts, or undefined when the object is not there
   * @throws BlockedError when it is not what was put
   */
  async read(id: string): Promise<readonly Uint8Array[] | undefined> {
    const key = CLAIM_OBJECTS_PREFIX + id;
    const bytes = (await readObject(this.#s3, this.#bucket, key))?.bytes;
    if (bytes === undefined) return undefined;
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < body.length;) {
      const from = at + LENGTH_BYTES;
      const to = from <= body.length ? from + body.readUInt32LE(at) : Infinity;
      if (to > body.length) {
        throw new BlockedError(
          'CLAIM_OBJECT_DAMAGED',
          `s3://${this.#bucket}/${key} is cut off; restore its former version`,
        );
      }
      parts.push(body.subarray(from, to));
      at = to;
    }
    return parts;
  }
}
