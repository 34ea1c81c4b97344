import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, parseConfig } from './define-config.ts';
import type { HeadgateConfig } from './schema.ts';

/** The configuration that is used when no other is named. */
export const DEFAULT_CONFIG_FILE = 'headgate.config.ts';

async function importFile(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([
      `${path}: cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
}

/**
 * Loads and validates a configuration file.
 *
 * @param file path relative to the working directory
 * @throws ConfigError when there is no such file, it exports nothing, or what it exports is wrong
 */
export async function loadConfig(file: string): Promise<HeadgateConfig> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new ConfigError([
      `${path}: there is no such file. Create it, or name another one: --config <path> for headgate, -c config=<path> for cdk`,
    ]);
  }
  const module = await importFile(path);
  if (module.default === undefined) {
    throw new ConfigError([`${path}: must have a default export: export default defineConfig({ … })`]);
  }
  return parseConfig(module.default);
}
