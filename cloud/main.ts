/**
 * The embedded cloud by hand.
 *
 * npm run cloud [-- --port <number>] [--deploy] [--config <path>] [--faults <list>]
 */
import { Command, InvalidArgumentError } from 'commander';
import { CloudError } from './cloud-error.ts';
import type { PollerEvent } from './event-source-poller/deliver-batch.ts';
import type { ProxyCounts } from './fault-proxy/fault-proxy.ts';
import { parseStoreFaults, type StoreFaults } from './fault-proxy/store-faults.ts';
import { startCloud, startEmptyCloud, type EmptyCloud } from './start-cloud.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const DEFAULT_PORT = 4566;

interface Arguments {
  readonly port: number;
  readonly deploy: boolean;
  readonly config: string;
  readonly faults: StoreFaults | undefined;
}

const command = new Command('npm run cloud --')
  .description(
    'Starts the embedded cloud: an AWS emulator on this machine, with Headgate deployed to it if asked.',
  )
  .option('--port <number>', 'port to listen on; 0 for any free one', parsePort, DEFAULT_PORT)
  .option('--deploy', 'deploy the CDK app and carry its streams to its functions', false)
  .option('--config <path>', 'configuration to deploy', 'headgate.config.ts')
  .option(
    '--faults <list>',
    'with --deploy: what goes wrong between functions and stores, e.g. seed=1,throttle=0.05,reset-after=0.05',
    parseStoreFaults,
  )
  .addHelpText('after', '\nExample:\n  npm run cloud -- --port 0 --deploy --config demo/headgate.config.ts');

function parsePort(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 1 to 65535, or 0 for any free port.');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function toLine(event: PollerEvent): string {
  switch (event.kind) {
    case 'failed':
      return `${event.functionArn.split(':').at(-1) ?? ''} failed on ${event.shardId}: ${event.reason}`;
    case 'discarded':
      return `${String(event.records)} records of ${event.shardId} were discarded: ${event.condition}`;
    case 'unreadable':
      return `${event.streamArn} cannot be read: ${event.reason}`;
  }
}

function usage(cloud: EmptyCloud): string {
  const exports = Object.entries(cloud.env).map(([name, value]) => `  export ${name}=${value}`);
  return [
    '',
    'To use it from another shell:',
    ...exports,
    '',
    'Ctrl-C stops it and removes everything in it.',
  ].join('\n');
}

async function main({ port, deploy, config, faults }: Arguments): Promise<void> {
  if (faults !== undefined && !deploy) {
    throw new CloudError('--faults needs functions that call stores.', 'Add --deploy.');
  }
  const onProgress = (message: string): void => {
    print(`- ${message}`);
  };
  const options = { port, mayUseRunning: deploy, onProgress };
  if (!deploy) {
    const cloud = await startEmptyCloud(options);
    const stopped = stopOnSignal(cloud);
    print(usage(cloud));
    await stopped;
    return;
  }
  const cloud = await startCloud({
    ...options,
    config,
    ...(faults && { storeFaults: faults }),
    onPollerEvent: (event) => {
      print(`- ${toLine(event)}`);
    },
  });
  const stopped = stopOnSignal(cloud);
  print('');
  for (const [stack, outputs] of Object.entries(cloud.outputs)) {
    print(stack);
    for (const [key, value] of Object.entries(outputs))
      if (!key.startsWith('Exports')) print(`  ${key} = ${value}`);
  }
  print(usage(cloud));
  try {
    await stopped;
  } finally {
    if (cloud.faultProxy !== undefined) print(faultReport(cloud.faultProxy.counts()));
  }
}

function faultReport({ requests, faults }: ProxyCounts): string {
  const lines = Object.entries(faults).map(([name, times]) => `  ${name}: ${String(times)}`);
  return [
    `${String(requests)} calls of functions to stores met:`,
    ...(lines.length > 0 ? lines : ['  nothing']),
  ].join('\n');
}

try {
  await main(command.parse().opts<Arguments>());
} catch (error) {
  if (!(error instanceof CloudError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
