import { access, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudError } from '../cloud-error.ts';
import { cacheDir } from '../paths.ts';
import { withLock } from '../with-lock.ts';
import { findPython, type Python } from './find-python.ts';
import { runCommand } from './run-command.ts';

/** The emulator's version that the event-source poller and the after-deploy table were made for. */
export const MINISTACK_VERSION = '1.5.33';

const REQUIREMENTS = [
  `ministack==${MINISTACK_VERSION}`,
  'hypercorn==0.18.0',
  'h2==4.4.1',
  'cryptography==50.0.2',
];

const PART = '.part-';
const installDir = join(cacheDir, `ministack-${MINISTACK_VERSION}`);
const pythonOf = (environmentDir: string): string =>
  process.platform === 'win32'
    ? join(environmentDir, 'Scripts', 'python.exe')
    : join(environmentDir, 'bin', 'python');

/**
 * Installs the emulator into the project's cache unless it is there, and answers the Python that runs it. Several
 * processes may call this at once: one installs, the others wait.
 *
 * @param onInstall called before an installation, with the Python that is used
 * @throws CloudError without a suitable Python, or when pip cannot install
 */
export async function installMinistack(onInstall: (python: Python) => void): Promise<string> {
  const python = pythonOf(installDir);
  if (await isInstalled(python)) return python;
  return withLock(`${installDir}.lock`, async () => {
    if (await isInstalled(python)) return python;
    const base = await findPython();
    onInstall(base);
    // Built aside and renamed when complete, so that an interrupted installation is never mistaken for a good one.
    await removeInterrupted();
    const partDir = await mkdtemp(`${installDir}${PART}`);
    try {
      await createEnvironment(base, partDir);
      await rm(installDir, { recursive: true, force: true });
      await rename(partDir, installDir);
    } finally {
      await rm(partDir, { recursive: true, force: true });
    }
    return python;
  });
}

/** Removes what installations that were killed have left. */
async function removeInterrupted(): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (name.startsWith('ministack-') && name.includes(PART))
      await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

async function isInstalled(python: string): Promise<boolean> {
  try {
    await access(python);
  } catch {
    return false;
  }
  // A virtual environment breaks when the Python it was made from is removed or upgraded.
  return (await runCommand(python, ['-c', 'import ministack, hypercorn, h2, cryptography'])).status === 0;
}

async function createEnvironment(base: Python, environmentDir: string): Promise<void> {
  const python = pythonOf(environmentDir);
  // The interpreter's own pip installs in a third of the time that a private copy of pip needs to be set up first.
  const fast = await runCommand(base.command, ['-m', 'venv', '--without-pip', environmentDir]);
  if (fast.status !== 0) throw venvFailed(base, fast.stderr || fast.stdout);
  const shared = await runCommand(base.command, ['-m', 'pip', '--python', python, ...installArguments]);
  if (shared.status === 0) return;
  const complete = await runCommand(base.command, ['-m', 'venv', '--clear', environmentDir]);
  if (complete.status !== 0) throw venvFailed(base, complete.stderr || complete.stdout);
  const own = await runCommand(python, ['-m', 'pip', ...installArguments]);
  if (own.status !== 0) throw pipFailed(own.stderr || own.stdout);
}

const installArguments = ['install', '--quiet', '--no-input', '--disable-pip-version-check', ...REQUIREMENTS];

function venvFailed(base: Python, output: string): CloudError {
  return new CloudError(
    `${base.command} (${base.version}) could not make a virtual environment in ${cacheDir}:\n${indent(output)}`,
    'On Debian and Ubuntu "apt install python3-venv" adds what is missing; otherwise set AWS_ENDPOINT_URL to an emulator that runs already.',
  );
}

/** The error for a failed installation; a missing network is by far the most common cause and is named as such. */
export function pipFailed(output: string): CloudError {
  const noNetwork =
    /NewConnectionError|ConnectTimeout|Name or service not known|Temporary failure in name resolution|nodename nor servname|ProxyError|Network is unreachable|Could not fetch URL/;
  return noNetwork.test(output)
    ? new CloudError(
        `pip has no network: the package index could not be reached to install ministack ${MINISTACK_VERSION}.`,
        'Connect once (behind a proxy set HTTPS_PROXY or PIP_INDEX_URL), or set AWS_ENDPOINT_URL to an emulator that runs already.',
      )
    : new CloudError(
        `pip could not install ministack ${MINISTACK_VERSION}:\n${indent(output)}`,
        `Repair what pip names and run the command again, or install it yourself: pip install ${REQUIREMENTS.join(' ')}`,
      );
}

function indent(text: string): string {
  return text
    .trim()
    .split('\n')
    .slice(-12)
    .map((line) => `    ${line}`)
    .join('\n');
}
