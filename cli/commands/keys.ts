import { randomBytes } from 'node:crypto';
import Table from 'cli-table3';
import { Command } from 'commander';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import {
  hashWriteKey,
  isWriteKey,
  toWriteKey,
  WRITE_KEY_RANDOM_BYTES,
} from '../../shared/domain/write-key.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { WriteKey, WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { CommandError, UsageError, type Terminal } from '../terminal.ts';

/** Digits of a key's hash that are shown as its id. */
const ID_DIGITS = 12;
/** Fewer digits name a key too vaguely to revoke it. */
const MIN_ID_DIGITS = 8;

export interface KeysDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** Opens the deployment's keys. */
  readonly openKeys: (config: HeadgateConfig) => Promise<WriteKeyStore>;
}

interface KeysOptions {
  readonly config: string;
  readonly json?: true;
  readonly yes?: true;
}

const toId = ({ hash }: WriteKey): string => hash.slice(0, ID_DIGITS);
const toTime = ({ createdAtMs }: WriteKey): string => new Date(createdAtMs).toISOString();

/** `headgate keys`: the write keys of pushed sources. */
export function createKeysCommand(
  { terminal, clock, loadConfig, openKeys }: KeysDeps,
  configFile: string,
): Command {
  /** Opens the keys of a source after checking that it can have any. */
  async function open(source: string, options: KeysOptions): Promise<WriteKeyStore> {
    const config = await loadConfig(options.config);
    if (config.sources[source]?.type !== 'push') {
      const pushed = Object.entries(config.sources).flatMap(([name, { type }]) =>
        type === 'push' ? [name] : [],
      );
      throw new CommandError(
        `"${source}" is not a source of type 'push' in ${options.config}; there are: ${pushed.join(', ') || 'none'}`,
      );
    }
    return await openKeys(config);
  }

  async function create(source: string, options: KeysOptions): Promise<void> {
    const keys = await open(source, options);
    const key = toWriteKey(source, randomBytes(WRITE_KEY_RANDOM_BYTES));
    const stored = { hash: hashWriteKey(key), source, createdAtMs: clock.nowMs() };
    await keys.create(stored);
    if (options.json) {
      terminal.out(JSON.stringify({ source, id: toId(stored), key, createdAt: toTime(stored) }));
      return;
    }
    terminal.out(key);
    terminal.err(`This is the only time that the key is shown. Its id is ${toId(stored)}.`);
  }

  async function list(source: string, options: KeysOptions): Promise<void> {
    const found = await (await open(source, options)).list(source);
    if (options.json) {
      terminal.out(JSON.stringify(found.map((key) => ({ source, id: toId(key), createdAt: toTime(key) }))));
    } else if (found.length === 0) {
      terminal.err(`Source ${source} has no write key; make one with: headgate keys create ${source}`);
    } else {
      const table = new Table({ head: ['id', 'created'], style: { head: [], border: [] } });
      table.push(...found.map((key) => [toId(key), toTime(key)]));
      terminal.out(table.toString());
    }
  }

  async function revoke(source: string, name: string, options: KeysOptions): Promise<void> {
    const prefix = isWriteKey(name) ? hashWriteKey(name) : name;
    if (!/^[\da-f]+$/.test(prefix) || prefix.length < MIN_ID_DIGITS) {
      throw new UsageError(
        `KEY must be a write key, or at least ${String(MIN_ID_DIGITS)} digits of its id as "headgate keys list" shows it`,
      );
    }
    const keys = await open(source, options);
    const [key, ...others] = (await keys.list(source)).filter(({ hash }) => hash.startsWith(prefix));
    if (key === undefined)
      throw new CommandError(`source ${source} has no active write key ${prefix.slice(0, ID_DIGITS)}`);
    if (others.length > 0) throw new CommandError(`several keys begin with ${prefix}; write more of the id`);
    if (!options.yes) {
      if (terminal.confirm === undefined)
        throw new UsageError('revoking needs --yes where nobody can be asked');
      const question = `Revoke key ${toId(key)} of ${source}, created ${toTime(key)}? Senders that use it are refused within a minute.`;
      if (!(await terminal.confirm(question))) throw new CommandError('nothing was revoked');
    }
    await keys.revoke(source, key.hash);
    terminal.out(
      options.json ? JSON.stringify({ source, id: toId(key), revoked: true }) : `Revoked ${toId(key)}.`,
    );
  }

  const command = new Command('keys').description('Write keys of pushed sources');
  const add = (name: string, description: string, example: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--config <path>', 'configuration file', configFile)
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ headgate ${example}`);
  add('create', 'Make a write key and print it, once', 'keys create orders')
    .argument('<source>', 'name of the source')
    .action(create);
  add('list', 'List the active write keys', 'keys list orders --json')
    .argument('<source>', 'name of the source')
    .action(list);
  add('revoke', 'Revoke a write key; it stops working within a minute', 'keys revoke orders 3fa9c07be112')
    .argument('<source>', 'name of the source')
    .argument('<key>', 'the write key, or its id')
    .option('--yes', 'do not ask')
    .action(revoke);
  return command;
}
