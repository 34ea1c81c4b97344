import { CloudError } from '../cloud-error.ts';
import { runCommand } from './run-command.ts';

/** Oldest Python that the emulator runs on. */
const MINIMUM = { major: 3, minor: 10 } as const;

const CANDIDATES = [
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python3.14',
  'python3',
  'python',
];

/** A Python interpreter that can make virtual environments. */
export interface Python {
  readonly command: string;
  /** For example `3.12.4`. */
  readonly version: string;
}

/** What asking one candidate for its version and modules told. */
export interface PythonProbe {
  readonly command: string;
  /** Undefined if there is no such command. */
  readonly version: string | undefined;
  readonly hasVenv: boolean;
}

/**
 * Finds a Python that is new enough and has the `venv` module.
 *
 * @throws CloudError that says which interpreters were found and why none will do
 */
export async function findPython(): Promise<Python> {
  const probes: PythonProbe[] = [];
  for (const command of CANDIDATES) {
    const probe = await probePython(command);
    const python = toPython(probe);
    if (python !== undefined) return python;
    probes.push(probe);
  }
  throw noPython(probes);
}

async function probePython(command: string): Promise<PythonProbe> {
  const { status, stdout } = await runCommand(command, [
    '-c',
    'import importlib.util as u, platform; print(platform.python_version(), u.find_spec("venv") is not None)',
  ]);
  const [version, hasVenv] = stdout.trim().split(' ');
  return status === 0
    ? { command, version, hasVenv: hasVenv === 'True' }
    : { command, version: undefined, hasVenv: false };
}

function toPython(probe: PythonProbe): Python | undefined {
  const { command, version, hasVenv } = probe;
  return version !== undefined && hasVenv && isNewEnough(version) ? { command, version } : undefined;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MINIMUM.major || (major === MINIMUM.major && minor >= MINIMUM.minor);
}

/** The error for a machine on which no candidate will do. */
export function noPython(probes: readonly PythonProbe[]): CloudError {
  const wanted = `Python ${String(MINIMUM.major)}.${String(MINIMUM.minor)} or newer`;
  const found = probes.filter((probe) => probe.version !== undefined);
  const withoutVenv = found.find((probe) => probe.version !== undefined && isNewEnough(probe.version));
  if (withoutVenv !== undefined) {
    return new CloudError(
      `${withoutVenv.command} (${String(withoutVenv.version)}) lacks the module "venv", which the embedded cloud is installed with.`,
      'Install it, for example with "apt install python3-venv", or set AWS_ENDPOINT_URL to an emulator that runs already.',
    );
  }
  const problem =
    found.length === 0
      ? `The embedded cloud needs ${wanted}, and no Python was found on PATH.`
      : `The embedded cloud needs ${wanted}; found only ${found.map((probe) => `${probe.command} ${String(probe.version)}`).join(', ')}.`;
  return new CloudError(
    problem,
    `Install ${wanted} (https://www.python.org/downloads), or set AWS_ENDPOINT_URL to an emulator that runs already.`,
  );
}
