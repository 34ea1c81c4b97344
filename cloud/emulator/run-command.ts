import { spawn } from 'node:child_process';

/** How a command ended. */
export interface CommandResult {
  /** Exit status; undefined if the command could not be started or was killed by a signal. */
  readonly status: number | undefined;
  readonly stdout: string;
  /** What it wrote to stderr, or why it could not be started. */
  readonly stderr: string;
}

/** Runs a command to its end and collects what it writes; never throws for a failing command. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error) => {
      resolve({ status: undefined, stdout, stderr: error.message });
    });
    child.once('close', (status) => {
      resolve({ status: status ?? undefined, stdout, stderr });
    });
  });
}
