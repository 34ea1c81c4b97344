import { join } from 'node:path';

/** Root of the project. */
export const projectDir = join(import.meta.dirname, '..', '..');

/** What can be made again: bundles, native binaries. Not in git. */
export const cacheDir = join(projectDir, '.headgate');
