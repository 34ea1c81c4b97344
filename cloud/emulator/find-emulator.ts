import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { CloudError } from '../cloud-error.ts';
import { installMinistack, MINISTACK_VERSION } from './install-ministack.ts';
import { runCommand } from './run-command.ts';

/** How the emulator is started. */
export interface EmulatorCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Either an emulator that runs already, or how to start one. */
export type Emulator = { readonly endpoint: string } | EmulatorCommand;

export interface FindEmulatorOptions {
  /** Whether `AWS_ENDPOINT_URL` may name the emulator to use. */
  readonly mayUseRunning: boolean;
  /** Told in one sentence what takes time. */
  readonly onProgress: (message: string) => void;
}

/**
 * Finds the emulator: the one that `AWS_ENDPOINT_URL` names, else a `ministack` of the right version on PATH, else the
 * project's own installation, which is made if need be.
 *
 * @throws CloudError when `AWS_ENDPOINT_URL` is no emulator on this machine, or nothing can be installed
 */
export async function findEmulator(options: FindEmulatorOptions): Promise<Emulator> {
  const running = process.env['AWS_ENDPOINT_URL'];
  if (options.mayUseRunning && running !== undefined && running !== '')
    return { endpoint: toEmulatorEndpoint(running) };
  if ((await versionOnPath()) === MINISTACK_VERSION) return { command: 'ministack', args: [] };
  const python = await installMinistack((base) => {
    options.onProgress(
      `installing the emulator, MiniStack ${MINISTACK_VERSION}, with Python ${base.version} (once)`,
    );
  });
  return { command: python, args: ['-m', 'ministack'] };
}

/** The version of the `ministack` command on PATH, which has no option to ask it: its interpreter is asked instead. */
async function versionOnPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const script = await readFile(join(folder, 'ministack'), 'utf8').catch(() => undefined);
    const [, interpreter] = /^#!(\S+)/.exec(script ?? '') ?? [];
    if (interpreter === undefined) continue;
    const { status, stdout } = await runCommand(interpreter, [
      '-c',
      'from importlib.metadata import version; print(version("ministack"))',
    ]);
    return status === 0 ? stdout.trim() : undefined;
  }
  return undefined;
}

/**
 * Checks that an endpoint is one that test credentials and made-up data may be sent to.
 *
 * @throws CloudError for anything but a plain-http address of this machine
 */
export function toEmulatorEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url?.protocol !== 'http:' || !isLocal) {
    throw new CloudError(
      `AWS_ENDPOINT_URL is ${JSON.stringify(text)}, which is not an emulator on this machine.`,
      'Set it to http://127.0.0.1:<port> of a running emulator, or unset it: an emulator is then started for you.',
    );
  }
  return url.origin.replace('localhost', '127.0.0.1');
}
