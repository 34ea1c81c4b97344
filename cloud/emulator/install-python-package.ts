import { access, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudError } from '../cloud-error.ts';
import { cacheDir } from '../paths.ts';
import { withLock } from '../with-lock.ts';
import { findPython, type Python } from './find-python.ts';
import { runCommand } from './run-command.ts';

/** A Python package that the project uses, with what it needs, each pinned. */
export interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** What it is installed with, as pip writes it, itself excluded. */
  readonly with: readonly string[];
  /** Modules that must be there for it to run. */
  readonly modules: readonly string[];
  /** What a user can do where it cannot be installed, as the end of a sentence that begins with "or". */
  readonly otherwise: string;
}

const PART = '.part-';

const installDirOf = ({ name, version }: PythonPackage): string => join(cacheDir, `${name}-${version}`);
const requirementsOf = (wanted: PythonPackage): string[] => [
  `${wanted.name}==${wanted.version}`,
  ...wanted.with,
];
const pythonOf = (environmentDir: string): string =>
  process.platform === 'win32'
    ? join(environmentDir, 'Scripts', 'python.exe')
    : join(environmentDir, 'bin', 'python');

/**
 * Installs a package into a virtual environment of its own in the project's cache unless it is there, and answers the
 * Python that has it. Several processes may call this at once: one installs, the others wait.
 *
 * @param onInstall called before an installation, with the Python that is used
 * @throws CloudError without a suitable Python, or when pip cannot install
 */
export async function installPythonPackage(
  wanted: PythonPackage,
  onInstall: (python: Python) => void,
): Promise<string> {
  const installDir = installDirOf(wanted);
  const python = pythonOf(installDir);
  if (await isInstalled(python, wanted)) return python;
  return withLock(`${installDir}.lock`, async () => {
    if (await isInstalled(python, wanted)) return python;
    const base = await findPython();
    onInstall(base);
    // Built aside and renamed when complete, so that an interrupted installation is never mistaken for a good one.
    await removeInterrupted(wanted);
    const partDir = await mkdtemp(`${installDir}${PART}`);
    try {
      await createEnvironment(base, partDir, wanted);
      await rm(installDir, { recursive: true, force: true });
      await rename(partDir, installDir);
    } finally {
      await rm(partDir, { recursive: true, force: true });
    }
    return python;
  });
}

/** Removes what installations that were killed have left. */
async function removeInterrupted({ name: packageName }: PythonPackage): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (name.startsWith(`${packageName}-`) && name.includes(PART))
      await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

async function isInstalled(python: string, { modules }: PythonPackage): Promise<boolean> {
  try {
    await access(python);
  } catch {
    return false;
  }
  // A virtual environment breaks when the Python it was made from is removed or upgraded.
  return (await runCommand(python, ['-c', `import ${modules.join(', ')}`])).status === 0;
}

async function createEnvironment(base: Python, environmentDir: string, wanted: PythonPackage): Promise<void> {
  const python = pythonOf(environmentDir);
  const install = [
    'install',
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    ...requirementsOf(wanted),
  ];
  // The interpreter's own pip installs in a third of the time that a private copy of pip needs to be set up first.
  const fast = await runCommand(base.command, ['-m', 'venv', '--without-pip', environmentDir]);
  if (fast.status !== 0) throw venvFailed(base, fast.stderr || fast.stdout, wanted);
  const shared = await runCommand(base.command, ['-m', 'pip', '--python', python, ...install]);
  if (shared.status === 0) return;
  const complete = await runCommand(base.command, ['-m', 'venv', '--clear', environmentDir]);
  if (complete.status !== 0) throw venvFailed(base, complete.stderr || complete.stdout, wanted);
  const own = await runCommand(python, ['-m', 'pip', ...install]);
  if (own.status !== 0) throw pipFailed(own.stderr || own.stdout, wanted);
}

function venvFailed(base: Python, output: string, { otherwise }: PythonPackage): CloudError {
  return new CloudError(
    `${base.command} (${base.version}) could not make a virtual environment in ${cacheDir}:\n${indent(output)}`,
    `On Debian and Ubuntu "apt install python3-venv" adds what is missing; or ${otherwise}.`,
  );
}

/** The error for a failed installation; a missing network is by far the most common cause and is named as such. */
export function pipFailed(output: string, wanted: PythonPackage): CloudError {
  const noNetwork =
    /NewConnectionError|ConnectTimeout|Name or service not known|Temporary failure in name resolution|nodename nor servname|ProxyError|Network is unreachable|Could not fetch URL/;
  const what = `${wanted.name} ${wanted.version}`;
  return noNetwork.test(output)
    ? new CloudError(
        `pip has no network: the package index could not be reached to install ${what}.`,
        `Connect once (behind a proxy set HTTPS_PROXY or PIP_INDEX_URL), or ${wanted.otherwise}.`,
      )
    : new CloudError(
        `pip could not install ${what}:\n${indent(output)}`,
        `Repair what pip names and run the command again (it runs: pip install ${requirementsOf(wanted).join(' ')}), or ${wanted.otherwise}.`,
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
