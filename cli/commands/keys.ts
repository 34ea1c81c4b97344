import { randomBytes } from 'node:crypto';
import Table from 'cli-table3';
import { Command } from 'commander';
import type { HeadgateConfig, WebhookSourceConfig } from '../../shared/config/schema.ts';
import { RejectedError } from '../../shared/domain/errors.ts';
import {
  hashWriteKey,
  isWriteKey,
  MAX_ACTIVE_WRITE_KEYS,
  toWriteKey,
  toWriteKeyId,
  WRITE_KEY_RANDOM_BYTES,
} from '../../shared/domain/write-key.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { WriteKey, WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { CommandError, UsageError, type Terminal } from '../terminal.ts';

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

/** A key without its secret, as `--json` prints it. */
interface ListedKey {
  readonly id: string;
  readonly createdAt: string;
  /** The last use that was noted, which is done once an hour; null: never used. */
  readonly lastUsedAt: string | null;
}

const toId = ({ hash }: WriteKey): string => toWriteKeyId(hash);
const toTime = (ms: number): string => new Date(ms).toISOString();

function toListedKey(key: WriteKey): ListedKey {
  const { createdAtMs, lastUsedAtMs } = key;
  return {
    id: toId(key),
    createdAt: toTime(createdAtMs),
    lastUsedAt: lastUsedAtMs === undefined ? null : toTime(lastUsedAtMs),
  };
}

function describeUse({ lastUsedAtMs }: WriteKey): string {
  return lastUsedAtMs === undefined ? 'never used' : `last used ${toTime(lastUsedAtMs)}`;
}

/** Why no further key is made, and which one looks as if it could go. */
function tooManyKeys(source: string, keys: readonly WriteKey[]): CommandError {
  const lastSign = ({ createdAtMs, lastUsedAtMs = createdAtMs }: WriteKey): number => lastUsedAtMs;
  const [idlest] = [...keys].sort((a, b) => lastSign(a) - lastSign(b));
  const lines = keys.map((key) => `  ${toId(key)}  created ${toTime(key.createdAtMs)}, ${describeUse(key)}`);
  return new CommandError(
    [
      `source ${source} has ${String(MAX_ACTIVE_WRITE_KEYS)} active write keys, which is the most:`,
      ...lines,
      `Revoke the one that senders no longer use${idlest === undefined ? '' : `; the one that was quiet the longest goes with: headgate keys revoke ${source} ${toId(idlest)}`}`,
    ].join('\n'),
  );
}

/** What a source has instead of write keys when its sender signs what it delivers. */
function takesSecrets(source: string, { signature }: WebhookSourceConfig): CommandError {
  return new CommandError(
    [
      `source ${source} takes no write keys: its sender signs what it delivers. Set the secret that the sender shows with:`,
      ...signature.secrets.map(
        ({ parameter }) =>
          `  aws ssm put-parameter --overwrite --type SecureString --name '${parameter}' --value '<secret>'`,
      ),
    ].join('\n'),
  );
}

/** `headgate keys`: the write keys of pushed sources. */
export function createKeysCommand(
  { terminal, clock, loadConfig, openKeys }: KeysDeps,
  configFile: string,
): Command {
  /** Opens the keys of a source after checking that it can have any and, for a new one, that it takes any. */
  async function open(
    source: string,
    options: KeysOptions,
    use: 'look' | 'issue' = 'look',
  ): Promise<WriteKeyStore> {
    const config = await loadConfig(options.config);
    const declared = config.sources[source];
    if (declared?.type === 'webhook') throw takesSecrets(source, declared);
    if (declared?.type !== 'push') {
      const pushed = Object.entries(config.sources).flatMap(([name, { type }]) =>
        type === 'push' ? [name] : [],
      );
      throw new CommandError(
        `"${source}" is not a source of type 'push' in ${options.config}; there are: ${pushed.join(', ') || 'none'}`,
      );
    }
    if (use === 'issue' && declared.auth.type !== 'key') {
      throw new CommandError(
        `source ${source} takes no write keys: its auth.type is '${declared.auth.type}' in ${options.config}; ` +
          "set it to 'key', or authenticate as docs/push.md says for that type",
      );
    }
    return await openKeys(config);
  }

  /** Stores a new key of a source; the secret is in the answer and nowhere else. */
  async function issue(source: string, keys: WriteKeyStore): Promise<{ key: string; stored: WriteKey }> {
    const key = toWriteKey(source, randomBytes(WRITE_KEY_RANDOM_BYTES));
    const stored = { hash: hashWriteKey(key), source, createdAtMs: clock.nowMs() };
    try {
      await keys.create(stored);
    } catch (error) {
      if (!(error instanceof RejectedError) || error.code !== 'TOO_MANY_WRITE_KEYS') throw error;
      throw tooManyKeys(source, await keys.list(source));
    }
    return { key, stored };
  }

  async function create(source: string, options: KeysOptions): Promise<void> {
    const { key, stored } = await issue(source, await open(source, options, 'issue'));
    if (options.json) {
      terminal.out(JSON.stringify({ source, id: toId(stored), key, createdAt: toTime(stored.createdAtMs) }));
      return;
    }
    terminal.out(key);
    terminal.err(`This is the only time that the key is shown. Its id is ${toId(stored)}.`);
  }

  async function rotate(source: string, options: KeysOptions): Promise<void> {
    const keys = await open(source, options, 'issue');
    const [old, ...others] = await keys.list(source);
    if (old === undefined) {
      throw new CommandError(
        `source ${source} has no write key to replace; make its first one with: headgate keys create ${source}`,
      );
    }
    if (others.length > 0) throw tooManyKeys(source, [old, ...others]);
    const { key, stored } = await issue(source, keys);
    if (options.json) {
      terminal.out(
        JSON.stringify({
          source,
          id: toId(stored),
          key,
          createdAt: toTime(stored.createdAtMs),
          replaces: toListedKey(old),
        }),
      );
      return;
    }
    terminal.out(key);
    terminal.err(
      [
        `This is the only time that the new key is shown. Its id is ${toId(stored)}; the old key ${toId(old)} works as before.`,
        '1. Give the new key to every sender.',
        `2. Watch "last used" of ${toId(old)} in: headgate keys list ${source}. It is noted once an hour; when it has stood still for as long as your rarest sender pauses, nobody uses the old key.`,
        `3. Revoke the old key: headgate keys revoke ${source} ${toId(old)}`,
      ].join('\n'),
    );
  }

  async function list(source: string, options: KeysOptions): Promise<void> {
    const found = await (await open(source, options)).list(source);
    if (options.json) {
      terminal.out(JSON.stringify(found.map((key) => ({ source, ...toListedKey(key) }))));
    } else if (found.length === 0) {
      terminal.err(`Source ${source} has no write key; make one with: headgate keys create ${source}`);
    } else {
      const table = new Table({ head: ['id', 'created', 'last used'], style: { head: [], border: [] } });
      const rows = found.map(toListedKey);
      table.push(...rows.map(({ id, createdAt, lastUsedAt }) => [id, createdAt, lastUsedAt ?? 'never']));
      terminal.out(table.toString());
      terminal.err(
        'A use is noted once an hour: a key may have been used up to an hour after the time shown.',
      );
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
      throw new CommandError(`source ${source} has no active write key ${toWriteKeyId(prefix)}`);
    if (others.length > 0) throw new CommandError(`several keys begin with ${prefix}; write more of the id`);
    if (!options.yes) {
      if (terminal.confirm === undefined)
        throw new UsageError('revoking needs --yes where nobody can be asked');
      const question = `Revoke key ${toId(key)} of ${source}, created ${toTime(key.createdAtMs)}, ${describeUse(key)}? Senders that use it are refused within a minute.`;
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
  add('rotate', 'Make the key that replaces the active one, and say how to go on', 'keys rotate orders')
    .argument('<source>', 'name of the source')
    .action(rotate);
  add('list', 'List the active write keys and when they were last used', 'keys list orders --json')
    .argument('<source>', 'name of the source')
    .action(list);
  add('revoke', 'Revoke a write key; it stops working within a minute', 'keys revoke orders 3fa9c07be112')
    .argument('<source>', 'name of the source')
    .argument('<key>', 'the write key, or its id')
    .option('--yes', 'do not ask')
    .action(revoke);
  return command;
}
