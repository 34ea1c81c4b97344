/**
 * Headgate on this machine, with the sources of headgate.config.ts, for as long as one likes.
 *
 * npm start [-- --port <number>] [--config <path>]
 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { CloudError } from '../cloud/cloud-error.ts';
import { startCloud, type Cloud } from '../cloud/start-cloud.ts';
import { stopOnSignal } from '../cloud/stop-on-signal.ts';
import { ConfigError } from '../shared/config/define-config.ts';
import { DEFAULT_CONFIG_FILE, loadConfig } from '../shared/config/load-config.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { issueWriteKey } from './issue-write-key.ts';
import { createProgress } from './progress.ts';
import { sampleRecord } from './sample-record.ts';
import { toConnection } from './set-up.ts';

interface Arguments {
  readonly port: number;
  readonly config: string;
}

const command = new Command('npm start --')
  .description('Starts an AWS emulator on this machine, deploys Headgate to it and keeps it running.')
  .option('--port <number>', 'port of the emulator; 0 for any free one', parsePort, 0)
  .option('--config <path>', 'configuration to deploy', DEFAULT_CONFIG_FILE)
  .addHelpText('after', '\nExample:\n  npm start -- --port 4566')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

function parsePort(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 1 to 65535, or 0 for any free port.');
}

async function start({ port, config: file }: Arguments): Promise<void> {
  const config = await loadConfig(file);
  const phase = createProgress(process.stderr).start(
    'Starting the embedded cloud and deploying Headgate to it',
  );
  let cloud: Cloud;
  try {
    cloud = await startCloud({
      port,
      config: file,
      onProgress: (message) => {
        phase.update(message);
      },
      onPollerEvent: (event) => {
        if (event.kind !== 'discarded') process.stderr.write(pc.yellow(`${event.kind}: ${event.reason}\n`));
      },
    });
  } catch (error) {
    phase.fail();
    throw error;
  }
  phase.done();
  let guide: string;
  try {
    guide = await writeGuide(cloud, config, file);
  } catch (error) {
    await cloud.stop();
    throw error;
  }
  const stopped = stopOnSignal(cloud);
  process.stdout.write(guide);
  await stopped;
}

/** What a person can do with it now: endpoint, write keys and three lines to try. */
async function writeGuide(cloud: Cloud, config: HeadgateConfig, file: string): Promise<string> {
  const apiUrl = cloud.output('ApiUrl');
  const lines = ['', `${pc.bold('endpoint')}   ${apiUrl}`];
  const keys = new Map<string, string>();
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'push') continue;
    keys.set(name, await issueWriteKey(toConnection(cloud.endpoint), cloud.output('AccessTableName'), name));
    lines.push(`${pc.bold('write key')}  ${keys.get(name) ?? ''}  (${name})`);
  }
  const [pushed] = keys;
  if (pushed !== undefined) lines.push('', ...(await writeExamples(cloud, config, file, pushed)));
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'webhook') continue;
    const parameters = source.signature.secrets.map(({ parameter }) => parameter);
    lines.push(
      '',
      `${pc.bold('webhook')}    ${apiUrl}/v1/webhooks/${name}`,
      pc.dim(`It takes deliveries once a signing secret is set here: ${parameters.join(', ')}`),
    );
  }
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'http') continue;
    const parameters = [source.url, ...Object.values(source.headers)].flatMap((value) =>
      typeof value === 'string' ? [] : [value.parameter],
    );
    if (parameters.length > 0) {
      lines.push(
        '',
        pc.dim(`${name} is pulled once these SSM parameters are set here: ${parameters.join(', ')}`),
      );
    }
  }
  return [...lines, '', 'Ctrl-C stops everything and removes what is in it.', ''].join('\n');
}

async function writeExamples(
  cloud: Cloud,
  config: HeadgateConfig,
  file: string,
  [source, key]: readonly [string, string],
): Promise<string[]> {
  const url = `${cloud.output('ApiUrl')}/v1/sources/${source}`;
  const schema = config.sources[source]?.contract.schema ?? {};
  const record = JSON.stringify(sampleRecord(schema, new Date()));
  const body = (await isAcceptable(url, key, record)) ? record : `<a record of ${source}>`;
  const columns = ['dt', '_received_at', ...(config.sources[source]?.key ?? []).map(toColumn)].join(', ');
  const headgate = `AWS_ENDPOINT_URL=${cloud.endpoint} npx headgate`;
  const option = file === DEFAULT_CONFIG_FILE ? '' : ` --config ${file}`;
  return [
    pc.bold('Try it in another terminal: push a record, see it land, query it'),
    '',
    `  curl -sS ${quote(`${url}/records`)} -H 'content-type: application/json' -H 'authorization: Bearer ${key}' -d ${quote(body)}`,
    `  ${headgate} lake --follow${option}`,
    `  ${headgate} query ${quote(`SELECT ${columns} FROM "${source}" ORDER BY _received_at DESC LIMIT 5`)}${option}`,
  ];
}

/** Whether the API would take a record, asked without storing it. */
async function isAcceptable(url: string, key: string, record: string): Promise<boolean> {
  const response = await fetch(`${url}/validate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: record,
  });
  if (!response.ok) return false;
  const { accepted } = (await response.json()) as { accepted: number };
  return accepted === 1;
}

/** A path of fields as SQL. */
function toColumn(path: string): string {
  return path
    .split('.')
    .map((field) => (/^[a-z_][a-z0-9_]*$/.test(field) ? field : `"${field}"`))
    .join('.');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

try {
  await start(command.parse().opts<Arguments>());
} catch (error) {
  if (!(error instanceof CloudError || error instanceof ConfigError)) throw error;
  process.stderr.write(`\n${pc.red(error.message)}\n`);
  process.exitCode = 1;
}
