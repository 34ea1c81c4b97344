import type { Python } from './find-python.ts';
import { installPythonPackage, type PythonPackage } from './install-python-package.ts';

/** The emulator's version that the event-source poller and the after-deploy table were made for. */
export const MINISTACK_VERSION = '1.5.33';

/** The emulator with the servers that it needs. */
export const MINISTACK: PythonPackage = {
  name: 'ministack',
  version: MINISTACK_VERSION,
  with: ['hypercorn==0.18.0', 'h2==4.4.1', 'cryptography==50.0.2'],
  modules: ['ministack', 'hypercorn', 'h2', 'cryptography'],
  otherwise: 'set AWS_ENDPOINT_URL to an emulator that runs already',
};

/**
 * Installs the emulator into the project's cache unless it is there, and answers the Python that runs it. Several
 * processes may call this at once: one installs, the others wait.
 *
 * @param onInstall called before an installation, with the Python that is used
 * @throws CloudError without a suitable Python, or when pip cannot install
 */
export async function installMinistack(onInstall: (python: Python) => void): Promise<string> {
  return installPythonPackage(MINISTACK, onInstall);
}
