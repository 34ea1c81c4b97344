import { describe, expect, test } from 'vitest';
import { createDiscoverCommand } from '../../../cli/commands/discover.ts';
import { UsageError } from '../../../cli/terminal.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { DatabaseSourceConfig } from '../../../shared/config/schema.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { TableDescription, TableSource } from '../../../shared/ports/table-source.ts';

const DESCRIPTION: TableDescription = {
  columns: [
    { name: 'id', databaseType: 'bigint', columnType: 'bigint', nullable: false },
    { name: "it's", databaseType: 'numeric(12,2)', columnType: 'decimal(12,2)', nullable: true },
  ],
  primaryKey: ['id'],
  isKeyUnique: true,
  estimatedRows: 1_234_567,
  estimatedBytes: 240_000_000,
  warnings: [{ code: 'DB_CURSOR_NO_INDEX', message: 'no index begins with the cursor' }],
};

const CONFIG = parseConfig({
  sources: {
    orders: {
      ...{ type: 'postgres', freshness: '1 hour', volume: { gbPerDay: 1 }, table: 'public.orders' },
      ...{ columns: { id: 'bigint' }, key: ['id'] },
      connection: {
        host: 'db',
        database: 'shop',
        user: 'reader',
        password: { parameter: '/orders/password' },
      },
    },
    events: {
      ...{ type: 'push', freshness: '1 minute', volume: { gbPerDay: 1 }, key: ['id'] },
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});

interface Run {
  readonly out: string;
  readonly err: string;
  readonly config: DatabaseSourceConfig | undefined;
  readonly password: string | undefined;
  readonly closed: number;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  let config: DatabaseSourceConfig | undefined;
  let used: string | undefined;
  let closed = 0;
  const source = {
    describe: () => Promise.resolve(DESCRIPTION),
    close: () => Promise.resolve(void (closed += 1)),
  } as unknown as TableSource;
  const command = createDiscoverCommand(
    {
      terminal: { out: (text) => out.push(text), err: (text) => err.push(text), confirm: undefined },
      clock: new ManualClock(),
      loadConfig: () => Promise.resolve(CONFIG),
      openTable: (opened, password) => {
        config = opened.config;
        used = password;
        return source;
      },
      env,
      openSample: () => Promise.reject(new Error('no file is looked at here')),
    },
    'headgate.config.ts',
  );
  await command.exitOverride().parseAsync(args, { from: 'user' });
  return { out: out.join('\n'), err: err.join('\n'), config, password: used, closed };
}

const WHERE = ['--type', 'postgres', '--host', 'db', '--database', 'shop', '--user', 'reader'];
const PASSWORD = { HEADGATE_DATABASE_PASSWORD: 'secret' };

describe('headgate discover', () => {
  test('prints what is pasted into a configuration, and warnings beside it', async () => {
    const { out, err, closed } = await run(['orders']);
    expect(closed).toBe(1);
    // As JSON, to be read without running it.
    const pasted = JSON.parse(
      `{${out.replace(/\/\/.*$/gm, '')}}`
        .replaceAll("'it\\'s'", '"it\'s"')
        .replaceAll("'", '"')
        .replaceAll('"it"s"', '"it\'s"')
        .replaceAll(/(\w+): /g, '"$1": ')
        .replaceAll(/,(\s*[}\]])/g, '$1'),
    ) as { columns: Record<string, string>; key: string[] };
    expect(pasted).toEqual({ columns: { id: 'bigint', "it's": 'decimal(12,2)' }, key: ['id'] });
    for (const word of Object.values(pasted.columns)) expect(parseColumnType(word)).toBeDefined();
    expect(out).toContain('about 1,234,567 rows, 240.0 MB');
    expect(err).toContain('Warning: no index begins with the cursor');
  });

  test('--json prints one object with the same', async () => {
    const { out, err } = await run(['orders', '--json']);
    expect(JSON.parse(out)).toMatchObject({ type: 'postgres', key: ['id'], warnings: DESCRIPTION.warnings });
    expect(err).toBe('');
  });

  test('a table that no source declares is reached by options; the password by the environment', async () => {
    const { config, password } = await run([...WHERE, '--table', 'a.b', '--port', '6000'], PASSWORD);
    expect(password).toBe('secret');
    expect(config).toMatchObject({
      type: 'postgres',
      table: 'a.b',
      connection: { host: 'db', port: 6000, database: 'shop', user: 'reader', tls: 'verify-full' },
    });
  });

  test('what is missing is named', async () => {
    for (const [args, env, words] of [
      [[], PASSWORD, ['--type', '--host', '--database', '--user', '--table']],
      [WHERE, PASSWORD, ['either --table or --query']],
      [[...WHERE, '--table', 't'], {}, ['HEADGATE_DATABASE_PASSWORD', '--auth iam']],
      [['events'], {}, ['orders', 'postgres or mysql']],
    ] as const) {
      const error: unknown = await run(args, env).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UsageError);
      for (const word of words) expect((error as Error).message).toContain(word);
    }
  });
});
