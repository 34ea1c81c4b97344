import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Fills a folder whose name tells its content, unless it is there. Several processes may do it at once: the folder
 * appears whole or not at all, and whoever comes second keeps the first one's, which is the same.
 */
export function createOnce(path: string, fill: (folder: string) => void): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
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
