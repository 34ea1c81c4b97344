import { App } from 'aws-cdk-lib/core';
import { ConfigError } from '../../shared/config/define-config.ts';
import { buildApp } from '../build-app.ts';
import { bundledCode } from '../bundling/bundled-code.ts';
import { planDataRemoval } from '../deployment.ts';
import { loadConfig } from '../load-config.ts';

/*
 * npx cdk synth | deploy --all | diff
 *   -c config=<path>    another configuration than headgate.config.ts
 *   -c embedded=true    for the embedded cloud
 *   -c destroy=true     with `protect: false` in the configuration: data goes with its stack
 */

/** A context value that is `true` or absent; anything else is a mistake that must not pass for "no". */
function flag(app: App, name: string): boolean {
  const value: unknown = app.node.tryGetContext(name);
  if (value === undefined || value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw new ConfigError([`-c ${name}=${String(value)}: must be "true" or "false"`]);
}

async function main(): Promise<void> {
  const app = new App();
  const file: unknown = app.node.tryGetContext('config');
  const config = await loadConfig(typeof file === 'string' ? file : 'headgate.config.ts');
  const embedded = flag(app, 'embedded');
  const dataRemoval = planDataRemoval(config.protect, flag(app, 'destroy'));
  buildApp(app, { config, embedded, dataRemoval }, await bundledCode(config, embedded));
  app.synth();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  // A wrong configuration is the user's own text: the message says it all, a stack trace would hide it.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
