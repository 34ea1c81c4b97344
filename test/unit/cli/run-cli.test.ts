import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import type { KeysDeps } from '../../../cli/commands/keys.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryWriteKeyStore } from '../../../shared/adapters/memory/memory-write-key-store.ts';
import { ConfigError, parseConfig } from '../../../shared/config/define-config.ts';
import type { HeadgateConfig } from '../../../shared/config/schema.ts';
import { loadConfig } from '../../../shared/config/load-config.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { hashWriteKey, isWriteKey } from '../../../shared/domain/write-key.ts';

const common = {
  freshness: '1 minute',
  volume: { gbPerDay: 1 },
  key: ['id'],
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
};
const config = parseConfig({
  sources: {
    orders: { type: 'push', ...common },
    tokens: {
      type: 'push',
      ...common,
      auth: { type: 'jwt', issuer: 'https://login.example.com/', audience: 'headgate' },
    },
    signed: { type: 'push', ...common, auth: { type: 'iam' } },
    feed: { type: 'stream', ...common },
    hooks: {
      type: 'webhook',
      ...common,
      signature: { preset: 'github', secrets: [{ parameter: '/hooks/old' }, { parameter: '/hooks/new' }] },
    },
  },
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class Console {
  readonly keys = new MemoryWriteKeyStore();
  readonly clock = new ManualClock();
  /** What the person at the terminal answers; undefined when there is none. */
  answer: boolean | undefined;
  openKeys: KeysDeps['openKeys'] = () => Promise.resolve(this.keys);

  async run(...args: string[]): Promise<Run> {
    const out: string[] = [];
    const err: string[] = [];
    const { answer } = this;
    const unused = (): Promise<never> => Promise.reject(new Error('the lake is not looked at here'));
    const deps = {
      terminal: {
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        confirm: answer === undefined ? undefined : () => Promise.resolve(answer),
      },
      clock: this.clock,
      loadConfig: (file: string) =>
        file === 'headgate.config.ts'
          ? Promise.resolve(config)
          : Promise.reject(new ConfigError([`${file}: wrong`])),
      openKeys: (of: HeadgateConfig) => this.openKeys(of),
      openLake: unused,
      openAudit: unused,
      openLogs: unused,
      openTable: () => {
        throw new Error('no table is looked at here');
      },
      env: {},
      openReplay: unused,
      openPull: unused,
      openActivity: unused,
      openSpend: unused,
      openRowSketches: unused,
      queryHistory: undefined,
      loadPrices: () => PRICES,
      openChecks: () => {
        throw new Error('nothing outside is looked at here');
      },
      openAccount: () => {
        throw new Error('no account is looked at here');
      },
      isLocal: false,
      nodeVersion: '24.0.0',
      who: 'ada@lab',
      progress: { update: unused, stop: unused },
      openSample: () => Promise.reject(new Error('no objects here')),
      queryFolder: unused,
      readDeployedPlan: unused,
    };
    const code = await runCli(args, deps);
    return { code, out: out.join('\n'), err: err.join('\n') };
  }
}

describe('headgate keys', () => {
  test('create prints the key once and stores only its hash', async () => {
    const terminal = new Console();
    const { code, out } = await terminal.run('keys', 'create', 'orders');
    expect(code).toBe(0);
    expect(isWriteKey(out)).toBe(true);
    expect(out).toMatch(/^hgk_orders_/);
    const stored = await terminal.keys.list('orders');
    expect(stored).toEqual([
      { hash: hashWriteKey(out), source: 'orders', createdAtMs: terminal.clock.nowMs() },
    ]);
    expect(JSON.stringify(stored)).not.toContain(out);
  });

  test('a source whose sender signs has no keys: every verb says how its secrets are set', async () => {
    const terminal = new Console();
    for (const args of [['create'], ['rotate'], ['list'], ['revoke', '3fa9c07be112', '--yes']]) {
      const [verb = '', ...rest] = args;
      const { code, out, err } = await terminal.run('keys', verb, 'hooks', ...rest);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      for (const name of ['/hooks/old', '/hooks/new']) expect(err).toContain(`--name '${name}'`);
      expect(err).toContain('--type SecureString');
    }
  });

  test('two keys are never the same', async () => {
    const terminal = new Console();
    const keys = await Promise.all([1, 2].map(() => terminal.run('keys', 'create', 'orders')));
    expect(new Set(keys.map(({ out }) => out)).size).toBe(2);
  });

  test('--json prints one object', async () => {
    const terminal = new Console();
    const created = JSON.parse((await terminal.run('keys', 'create', 'orders', '--json')).out) as Record<
      string,
      string
    >;
    expect(isWriteKey(created['key'] ?? '')).toBe(true);
    const listed = JSON.parse((await terminal.run('keys', 'list', 'orders', '--json')).out) as unknown;
    expect(listed).toEqual([
      { source: 'orders', id: created['id'], createdAt: '2026-01-01T00:00:00.000Z', lastUsedAt: null },
    ]);
  });

  test('list shows when a key was last used, and that a new one never was', async () => {
    const terminal = new Console();
    const used = (await terminal.run('keys', 'create', 'orders')).out;
    terminal.clock.advance(1_000);
    await terminal.run('keys', 'create', 'orders');
    await terminal.keys.noteUse(hashWriteKey(used), Date.UTC(2026, 1, 3));
    const { out, err } = await terminal.run('keys', 'list', 'orders');
    const rows = out.split('\n').filter((line) => line.includes('2026-'));
    expect(rows[0]).toContain(hashWriteKey(used).slice(0, 12));
    expect(rows[0]).toContain('2026-02-03T00:00:00.000Z');
    expect(rows[1]).toContain('never');
    expect(err).toContain('once an hour');
    const listed = JSON.parse((await terminal.run('keys', 'list', 'orders', '--json')).out) as unknown;
    expect(listed).toMatchObject([{ lastUsedAt: '2026-02-03T00:00:00.000Z' }, { lastUsedAt: null }]);
  });

  test('a third key is refused, and the message names the one that was quiet the longest', async () => {
    const terminal = new Console();
    const first = hashWriteKey((await terminal.run('keys', 'create', 'orders')).out);
    terminal.clock.advance(1_000);
    const second = hashWriteKey((await terminal.run('keys', 'create', 'orders')).out);
    await terminal.keys.noteUse(first, terminal.clock.nowMs() + 1);
    for (const verb of ['create', 'rotate']) {
      const { code, out, err } = await terminal.run('keys', verb, 'orders');
      expect(code).toBe(1);
      expect(out).toBe('');
      expect(err).toContain('has 2 active write keys');
      expect(err).toContain(first.slice(0, 12));
      expect(err).toContain(`headgate keys revoke orders ${second.slice(0, 12)}`);
    }
    expect(await terminal.keys.list('orders')).toHaveLength(2);
  });

  test('rotate makes the second key, keeps the first and says how to go on', async () => {
    const terminal = new Console();
    const refused = await terminal.run('keys', 'rotate', 'orders');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('headgate keys create orders');
    const old = hashWriteKey((await terminal.run('keys', 'create', 'orders')).out);
    terminal.clock.advance(1_000);
    const { code, out, err } = await terminal.run('keys', 'rotate', 'orders');
    expect(code).toBe(0);
    expect(isWriteKey(out)).toBe(true);
    expect((await terminal.keys.list('orders')).map(({ hash }) => hash)).toEqual([old, hashWriteKey(out)]);
    expect(err).toContain(`headgate keys revoke orders ${old.slice(0, 12)}`);
    expect(err).toContain('headgate keys list orders');
  });

  test('rotate --json names the key that is replaced', async () => {
    const terminal = new Console();
    const old = hashWriteKey((await terminal.run('keys', 'create', 'orders')).out);
    const rotated = JSON.parse((await terminal.run('keys', 'rotate', 'orders', '--json')).out) as Record<
      string,
      unknown
    >;
    expect(isWriteKey(String(rotated['key']))).toBe(true);
    expect(rotated['replaces']).toEqual({
      id: old.slice(0, 12),
      createdAt: '2026-01-01T00:00:00.000Z',
      lastUsedAt: null,
    });
  });

  test('a source that takes tokens or signed requests gets no key, and keys of before can be revoked', async () => {
    const terminal = new Console();
    for (const [source, type] of [
      ['tokens', 'jwt'],
      ['signed', 'iam'],
    ] as const) {
      for (const verb of ['create', 'rotate']) {
        const { code, err } = await terminal.run('keys', verb, source);
        expect(code).toBe(1);
        expect(err).toContain(`its auth.type is '${type}'`);
      }
    }
    await terminal.keys.create({ hash: 'ab'.repeat(32), source: 'tokens', createdAtMs: 1 });
    expect((await terminal.run('keys', 'revoke', 'tokens', 'abababab', '--yes')).code).toBe(0);
    expect(await terminal.keys.list('tokens')).toEqual([]);
  });

  test('a source that is not declared, or not pushed, is exit code 1 and the message names those that are', async () => {
    const terminal = new Console();
    for (const source of ['nope', 'feed', 'constructor']) {
      const { code, err } = await terminal.run('keys', 'create', source);
      expect(code).toBe(1);
      expect(err).toContain(`"${source}" is not a source of type 'push'`);
      expect(err).toContain('there are: orders, tokens, signed');
    }
  });

  test('revoke takes an id or the key itself, and asks unless --yes', async () => {
    const terminal = new Console();
    const first = (await terminal.run('keys', 'create', 'orders')).out;
    const second = (await terminal.run('keys', 'create', 'orders')).out;
    terminal.answer = false;
    expect(await terminal.run('keys', 'revoke', 'orders', first)).toMatchObject({
      code: 1,
      err: 'nothing was revoked',
    });
    terminal.answer = true;
    expect((await terminal.run('keys', 'revoke', 'orders', first)).code).toBe(0);
    expect((await terminal.keys.list('orders')).map(({ hash }) => hash)).toEqual([hashWriteKey(second)]);
    terminal.answer = undefined;
    const id = hashWriteKey(second).slice(0, 12);
    expect((await terminal.run('keys', 'revoke', 'orders', id)).code).toBe(2);
    expect((await terminal.run('keys', 'revoke', 'orders', id, '--yes')).code).toBe(0);
    expect(await terminal.keys.list('orders')).toEqual([]);
    expect((await terminal.run('keys', 'revoke', 'orders', id, '--yes')).err).toContain(
      'no active write key',
    );
  });

  test('an id that is too short or no id is wrong usage, and the message does not repeat it', async () => {
    const terminal = new Console();
    for (const name of ['abc', 'hgk_orders_mistyped', '']) {
      const { code, err } = await terminal.run('keys', 'revoke', 'orders', name, '--yes');
      expect(code).toBe(2);
      expect(err).not.toContain('mistyped');
    }
  });

  test('a deployment that is not there is exit code 1 with what to do', async () => {
    const terminal = new Console();
    terminal.openKeys = () => Promise.reject(new BlockedError('NOT_DEPLOYED', 'run "npx cdk deploy --all"'));
    expect(await terminal.run('keys', 'list', 'orders')).toEqual({
      code: 1,
      out: '',
      err: 'run "npx cdk deploy --all"',
    });
  });
});

describe('headgate validate', () => {
  test('shows the sources, as a table or JSON', async () => {
    const terminal = new Console();
    const table = await terminal.run('validate');
    expect(table.code).toBe(0);
    for (const word of ['orders', 'feed', 'push', '1 minute']) expect(table.out).toContain(word);
    const json = JSON.parse((await terminal.run('validate', '--json')).out) as Record<string, unknown>;
    expect(json).toMatchObject({
      valid: true,
      sources: [
        { source: 'orders', key: ['id'], columns: 1 },
        { source: 'tokens' },
        { source: 'signed' },
        { source: 'feed' },
        { source: 'hooks', type: 'webhook' },
      ],
    });
  });

  test('a wrong configuration is exit code 1 with every problem, also as JSON', async () => {
    const terminal = new Console();
    expect(await terminal.run('validate', 'other.ts')).toMatchObject({ code: 1, out: '' });
    const { code, out } = await terminal.run('validate', 'other.ts', '--json');
    expect([code, JSON.parse(out)]).toEqual([1, { valid: false, problems: ['other.ts: wrong'] }]);
  });
});

describe('usage', () => {
  test.each([
    [[]],
    [['nope']],
    [['keys']],
    [['keys', 'create']],
    [['keys', 'list', 'orders', '--nope']],
    [['validate', 'a', 'b']],
  ])('%j is exit code 2 and explains itself', async (args) => {
    const { code, err } = await new Console().run(...args);
    expect(code).toBe(2);
    expect(err).not.toBe('');
  });

  test.each([[['--help']], [['keys', '--help']], [['keys', 'create', '--help']], [['validate', '--help']]])(
    '%j is exit code 0',
    async (args) => {
      const { code, out } = await new Console().run(...args);
      expect(code).toBe(0);
      expect(out).toContain('Usage: headgate');
    },
  );

  test.each(['create', 'rotate', 'list', 'revoke'])('help of keys %s has an example', async (verb) => {
    expect((await new Console().run('keys', verb, '--help')).out).toContain(`$ headgate keys ${verb} orders`);
  });
});

describe('loading a configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-config-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['missing.ts', undefined, 'there is no such file'],
    ['empty.mjs', 'export const x = 1;', 'must have a default export'],
    ['broken.mjs', 'export default {', 'cannot be loaded'],
    ['throws.mjs', 'throw new Error("oops")', 'cannot be loaded: oops'],
    ['wrong.mjs', 'export default { sources: {} }', 'sources: declare at least one source'],
  ])('%s: %s', async (file, text, problem) => {
    const path = join(folder, file);
    if (text !== undefined) writeFileSync(path, text);
    await expect(loadConfig(path)).rejects.toThrow(problem);
    await expect(loadConfig(path)).rejects.toThrow(ConfigError);
  });
});

test('the launcher runs the command and passes its exit code on', async () => {
  const launcher = join(import.meta.dirname, '../../../cli/headgate.mjs');
  const { exitCode, stderr } = await execa(launcher, ['validate', 'nope.config.ts'], { reject: false });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('there is no such file');
});
