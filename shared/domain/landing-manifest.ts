import * as z from 'zod';
import { BlockedError } from './errors.ts';

/** Which frames are landed together, decided once. The frames themselves never change. */
export interface LandingManifest {
  /** Position of the lane after them. */
  readonly to: string;
  /** Names of frames, in their order; one at least. */
  readonly names: readonly string[];
}

const VERSION = 1;
const schema = z.strictObject({
  v: z.literal(VERSION),
  to: z.string(),
  names: z.array(z.string()).min(1),
});

/** Writes a manifest. */
export function writeManifest({ to, names }: LandingManifest): Buffer {
  return Buffer.from(JSON.stringify({ v: VERSION, to, names }));
}

/**
 * Reads a manifest.
 *
 * @throws BlockedError with code `UNREADABLE_MANIFEST`: without it nobody knows which frames have landed
 */
export function readManifest(lane: string, bytes: Uint8Array): LandingManifest {
  try {
    const { to, names } = schema.parse(JSON.parse(Buffer.from(bytes).toString()));
    return { to, names };
  } catch (error) {
    throw new BlockedError(
      'UNREADABLE_MANIFEST',
      `a manifest of lane ${lane} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
      { cause: error },
    );
  }
}
