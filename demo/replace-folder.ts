import { rename, rm } from 'node:fs/promises';

const ATTEMPTS = 10;

/** Puts a folder in the place of another, which goes. Several processes may do so at once: one after another wins. */
export async function replaceFolder(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await rm(to, { recursive: true, force: true, maxRetries: ATTEMPTS });
    try {
      await rename(from, to);
      return;
    } catch (error) {
      // Another process has put its folder there since.
      const isTaken =
        error instanceof Error && 'code' in error && ['ENOTEMPTY', 'EEXIST'].includes(String(error.code));
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
