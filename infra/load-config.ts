import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseConfig } from '../shared/config/define-config.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { SynthesisError } from './synthesis-error.ts';

/**
 * Loads and validates a configuration file.
 *
 * @param file path relative to the working directory
 * @throws SynthesisError when there is no such file or it exports nothing; ConfigError when what it exports is wrong
 */
export async function loadConfig(file: string): Promise<HeadgateConfig> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new SynthesisError(
      `${path}: there is no such file. Create it, or name another one with -c config=<path>`,
    );
  }
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (module.default === undefined) {
    throw new SynthesisError(`${path}: must have a default export: export default defineConfig({ … })`);
  }
  return parseConfig(module.default);
}
