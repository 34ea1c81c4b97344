import { describe, expect, test } from 'vitest';
import { createValidateCommand } from '../../../cli/commands/validate.ts';
import type { OpenChecks } from '../../../cli/open-checks.ts';
import { CommandError, UsageError } from '../../../cli/terminal.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';

const contract = { schema: { type: 'object', properties: { id: { type: 'string' } } } };
const common = { freshness: '1 hour', volume: { gbPerDay: 1 }, key: ['id'], contract };
const api = { type: 'http', ...common, url: 'https://api.example.com/' };
const CONFIG = parseConfig({
  sources: { good: api, odd: api, bad: api, events: { type: 'push', ...common } },
});
const PUSH_ONLY = parseConfig({ sources: { events: { type: 'push', ...common } } });

const PAGES: Readonly<Record<string, () => Promise<readonly Uint8Array[]>>> = {
  good: () => Promise.resolve([Buffer.from('{"id":"1"}')]),
  odd: () => Promise.resolve([]),
  bad: () => Promise.reject(new BlockedError('PULL_REFUSED', 'status 401')),
};

async function run(args: readonly string[], config = CONFIG) {
  const out: string[] = [];
  const err: string[] = [];
  let closed = 0;
  const opened: string[] = [];
  const open = {
    ...{ clock: new ManualClock(), parameters: new MemoryParameterStore() },
    openPages: ({ name }: { readonly name: string }) => {
      opened.push(name);
      return { fetchPage: async () => ({ records: (await PAGES[name]?.()) ?? [], next: undefined }) };
    },
    close: () => {
      closed++;
    },
  } as unknown as OpenChecks;
  const command = createValidateCommand(
    {
      terminal: { out: (text) => out.push(text), err: (text) => err.push(text), confirm: undefined },
      loadConfig: () => Promise.resolve(config),
      openChecks: () => open,
      progress: { update: () => undefined, stop: () => undefined },
    },
    'headgate.config.ts',
  );
  const failure: unknown = await command
    .exitOverride()
    .parseAsync(args, { from: 'user' })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { out: out.join('\n'), err: err.join('\n'), failure, closed, opened };
}

describe('headgate validate --connect', () => {
  test('shows one row per source and what was found below, and fails when one would not work', async () => {
    const { out, err, failure, closed } = await run(['--connect']);
    const rows = out.split('\n').filter((line) => line.startsWith('│'));
    expect(rows.find((row) => row.includes(' good '))).toMatch(/http.*ok/);
    expect(rows.find((row) => row.includes(' odd '))).toMatch(/http.*warn.*SAMPLE_EMPTY/);
    expect(rows.find((row) => row.includes(' bad '))).toMatch(/http.*error.*PULL_REFUSED/);
    expect(out).not.toContain('events');
    expect(out).toContain('bad: error PULL_REFUSED: status 401');
    expect(err).toContain('from this machine');
    expect(failure).toBeInstanceOf(CommandError);
    expect((failure as Error).message).toBe('would not work: bad');
    expect(closed).toBe(1);
  });

  test('--json prints an array; warnings alone are no failure', async () => {
    const { out, failure, opened } = await run(['--connect', '--json', '--source', 'odd', 'good']);
    expect(failure).toBeUndefined();
    expect(opened.sort()).toEqual(['good', 'odd']);
    expect(JSON.parse(out)).toEqual([
      {
        ...{ source: 'odd', type: 'http', ok: true },
        problems: [{ level: 'warning', code: 'SAMPLE_EMPTY', message: expect.any(String) as string }],
      },
      { source: 'good', type: 'http', ok: true, problems: [] },
    ]);
  });

  test('wrong calls say what is allowed, and connect to nothing', async () => {
    for (const [args, words] of [
      [['--connect', '--source', 'events'], 'good, odd, bad'],
      [['--connect', '--source', 'nope'], 'good, odd, bad'],
      [['--source', 'good'], '--connect'],
      [['--connect', '--deadline', '30'], '"30 seconds"'],
      [['--connect', '--deadline', '1 hour'], '"15 minutes"'],
    ] as const) {
      const { failure, opened } = await run(args);
      expect(failure).toBeInstanceOf(UsageError);
      expect((failure as Error).message).toContain(words);
      expect(opened).toEqual([]);
    }
  });

  test('a configuration whose sources depend on nothing outside is fine', async () => {
    const { out, err, failure } = await run(['--connect'], PUSH_ONLY);
    expect({ out, failure }).toEqual({ out: '', failure: undefined });
    expect(err).toContain('declares no source that depends on something outside');
  });
});
