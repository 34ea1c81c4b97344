import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../terminal.ts';

/**
 * Lets a person edit a text in `$VISUAL` or `$EDITOR`.
 *
 * @returns undefined where there is no editor, or no terminal
 */
export function createEditor(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): ((text: string) => Promise<string>) | undefined {
  const editor = env['VISUAL'] ?? env['EDITOR'];
  if (editor === undefined || editor.trim() === '' || !isTerminal) return undefined;
  return async (text) => {
    // Nobody else may read it: records hold what their owners hold dear.
    const folder = await mkdtemp(join(tmpdir(), 'headgate-edit-'));
    try {
      const path = join(folder, 'record.json');
      await writeFile(path, text, { mode: 0o600 });
      await run(editor, path);
      return await readFile(path, 'utf8');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** Editors are often written with arguments (`code --wait`), which the shell takes apart. */
async function run(editor: string, path: string): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (code !== 0) throw new CommandError(`${editor} ended with exit code ${String(code)}; nothing was done`);
}
