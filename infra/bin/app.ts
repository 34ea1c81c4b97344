import { Annotations, App } from 'aws-cdk-lib/core';
import { ConfigError } from '../../shared/config/define-config.ts';
import { buildApp } from '../build-app.ts';
import { bundledCode } from '../bundling/bundled-code.ts';
import { readContext } from '../context.ts';
import { dataRemovalWarning, planDataRemoval } from '../deployment.ts';
import { loadConfig } from '../../shared/config/load-config.ts';
import { SynthesisError } from '../synthesis-error.ts';

/*
 * npx cdk synth | deploy --all | diff
 *   -c config=<path>    another configuration than headgate.config.ts
 *   -c embedded=true    for the embedded cloud
 *   -c destroy=true     with `protect: false` in the configuration: data goes with its stack
 */

async function main(): Promise<void> {
  // Only to read the context: whether templates are validated must be known before the real app is made.
  const { node } = new App({ autoSynth: false });
  const { configFile, embedded, destroy } = readContext((name) => node.tryGetContext(name));
  const config = await loadConfig(configFile);
  const code = await bundledCode(config, embedded);
  // Validation against the schemas of CloudFormation takes longer than everything else; the emulator has its own.
  const app = new App({ builtinCloudFormationValidation: !embedded });
  buildApp(app, { config, embedded, dataRemoval: planDataRemoval(config.protect, destroy) }, code);
  const warning = dataRemovalWarning(config.protect, destroy);
  if (warning !== undefined) Annotations.of(app).addWarningV2('headgate:data-removal', warning);
  app.synth();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof SynthesisError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
