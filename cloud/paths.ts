import { join } from 'node:path';

/** Root of the repository. */
export const projectDir = join(import.meta.dirname, '..');

/** The project's cache: the emulator's installation and synthesised assemblies. Git-ignored; safe to delete. */
export const cacheDir = join(projectDir, '.headgate');
