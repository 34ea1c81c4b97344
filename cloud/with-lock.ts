import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Runs `work` while holding a lock file, so that processes that need the same expensive thing make it once. A lock
 * whose owner has died is taken over; two processes may then both get it, so `work` must be safe to run twice.
 */
export async function withLock<Result>(lockFile: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(dirname(lockFile), { recursive: true });
  while (!(await tryLock(lockFile))) {
    if (await isAbandoned(lockFile)) await rm(lockFile, { force: true });
    else await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function tryLock(lockFile: string): Promise<boolean> {
  try {
    const file = await open(lockFile, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(lockFile: string): Promise<boolean> {
  let owner: string;
  try {
    owner = await readFile(lockFile, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
  // Empty between the creation of the file and the writing of the id.
  if (owner === '') return false;
  try {
    process.kill(Number(owner), 0);
    return false;
  } catch (error) {
    return isErrno(error, 'ESRCH');
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
