import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Folders that nobody asked for in this time are removed; a synthesis copies what it uses. */
const KEEP_UNUSED_MS = 7 * 24 * 3_600_000;

/**
 * Fills a folder whose name tells its content, unless it is there. Several processes may do it at once: the folder
 * appears whole or not at all, and whoever comes second keeps the first one's, which is the same.
 */
export function createOnce(path: string, fill: (folder: string) => void): void {
  if (existsSync(path)) {
    const now = new Date();
    utimesSync(path, now, now);
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  removeUnused(dirname(path));
  const part = mkdtempSync(`${path}.part-`);
  try {
    fill(part);
    renameSync(part, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

function removeUnused(parent: string): void {
  for (const name of readdirSync(parent)) {
    const entry = statSync(join(parent, name), { throwIfNoEntry: false });
    if (entry !== undefined && Date.now() - entry.mtimeMs > KEEP_UNUSED_MS) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}
