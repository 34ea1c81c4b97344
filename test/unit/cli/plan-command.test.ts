import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { createPlanCommand } from '../../../cli/commands/plan.ts';
import { CommandError, UsageError } from '../../../cli/terminal.ts';
import { MemorySpendStore } from '../../../shared/adapters/memory/memory-spend-store.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { toDeployedPlan, toPlanTexts } from '../../../shared/config/plan/deployed-plan.ts';
import { planResources } from '../../../shared/config/plan/plan-resources.ts';
import type { HeadgateConfig } from '../../../shared/config/schema.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { configOf, declare } from '../../support/declare-plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'headgate-plan-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const config = configOf({
  orders: declare.push(),
  tables: declare.table({ changes: 'upserts', incremental: { cursor: 'updated_at' } }),
});

interface Run {
  readonly out: string;
  readonly err: string;
  readonly error: unknown;
}

async function run(
  args: readonly string[],
  {
    declared = config,
    deployed = () => Promise.resolve([]),
    spend,
  }: {
    readonly declared?: HeadgateConfig;
    readonly deployed?: () => Promise<readonly string[]>;
    readonly spend?: MemorySpendStore;
  } = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const command = createPlanCommand(
    {
      terminal: {
        out: (text) => void out.push(text),
        err: (text) => void err.push(text),
        confirm: undefined,
      },
      clock: new ManualClock(),
      loadConfig: () => Promise.resolve(declared),
      openActivity: () => Promise.reject(new Error('nobody asked what was measured')),
      openRowSketches: () => Promise.reject(new Error('nobody asked for rows')),
      openSpend: () =>
        spend === undefined
          ? Promise.reject(new BlockedError('ACCESS_DENIED', 'not allowed'))
          : Promise.resolve({ store: spend, close: () => undefined }),
      queryHistory: undefined,
      loadPrices: () => ({ ...PRICES, s3Put: { ...PRICES.s3Put, usd: 50 } }),
      readDeployedPlan: deployed,
    },
    'headgate.config.ts',
  );
  const program = new Command().addCommand(command);
  for (const each of [program, command])
    each
      .exitOverride()
      .configureOutput({ writeOut: (text) => void out.push(text), writeErr: () => undefined });
  let error: unknown;
  try {
    await program.parseAsync(['plan', ...args], { from: 'user' });
  } catch (thrown) {
    error = thrown;
  }
  return { out: out.join('\n'), err: err.join('\n'), error };
}

const json = async (args: readonly string[], options = {}): Promise<Record<string, unknown>> =>
  JSON.parse((await run([...args, '--json'], options)).out) as Record<string, unknown>;

describe('headgate plan', () => {
  test('says where a page cannot be written', async () => {
    const file = join(folder, 'no-such-folder', 'plan.html');
    const { error } = await run(['--offline', '--html', file]);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(/--html .*no-such-folder.*cannot be written .*a folder that exists/);
  });

  test('reckons with the prices that the configuration names', async () => {
    const named = await json(['--offline'], { declared: { ...config, prices: 'prices.json' } });
    expect(named).toEqual(await json(['--offline', '--prices', 'prices.json']));
    expect(named).not.toEqual(await json(['--offline']));
  });

  test('shows one row for each source, then why, and what all of it costs', async () => {
    const { out, error } = await run(['--offline']);
    expect(error).toBeUndefined();
    const [head, ...rows] = out.split('\n').filter((line) => line.startsWith('│'));
    expect(head).toMatch(
      /source.*pattern.*lane.*asked.*p50 \/ p99.*\$\/GB.*\$\/month.*idle.*next cheaper.*next faster/,
    );
    expect(rows.map((row) => row.split('│')[1]?.trim())).toEqual(['orders', 'tables']);
    expect(out).toMatch(/orders: stream, 10 GB a day\n {2}- applications push the records/);
    expect(out).toMatch(/All together \$[\d.]+ a month/);
  });

  test('shows one source that is named, and says which there are if it is not there', async () => {
    expect(((await json(['tables', '--offline']))['sources'] as unknown[]).length).toBe(1);
    const { error } = await run(['nothing']);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/no source "nothing"; there are: orders, tables/);
  });

  test('explains every rule, and what other tools cost', async () => {
    const { out } = await run(['orders', '--explain', '--offline']);
    expect(out).toMatch(/\+ type-received: .*leaves stream, micro-batch landing/);
    expect(out).toMatch(/ {2}type-files: does not apply/);
    expect(out).toMatch(/in comparison: .*\n {4}Firehose.*\$[\d.]+ per GB .*https:\/\/aws/);
  });

  test('ends with an error that names the answers which cannot be met', async () => {
    const declared = configOf({ drops: declare.files({ freshness: '10 seconds' }) });
    const { out, error } = await run(['--offline'], { declared });
    expect(out).toMatch(
      /error: sources\.drops\.freshness: "10 seconds" cannot be met.*\n {4}ask for "1 minute" \(\$/,
    );
    expect(error).toBeInstanceOf(CommandError);
    expect((error as Error).message).toBe('answers that cannot be met: sources.drops.freshness');
  });

  test('plans other answers and says what they change', async () => {
    const { out } = await run(['orders', '--what-if', 'freshness=5 minutes,gbPerDay=1', '--offline']);
    expect(out).toMatch(/orders: micro-batch landing, 1 GB a day/);
    expect(out).toMatch(/What if: orders \$[\d.]+ → \$[\d.]+ a month \(−\d+ %\)/);
    const found = await json(['orders', '--what-if', 'gbPerDay=20', '--offline']);
    expect(found['whatIf']).toMatchObject({ source: 'orders', before: { pattern: 'stream' } });
  });

  test('needs to know whose answers are others', async () => {
    expect((await run(['--what-if', 'gbPerDay=1'])).error).toBeInstanceOf(UsageError);
    const alone = { declared: configOf({ orders: declare.push() }) };
    expect((await run(['--what-if', 'gbPerDay=1', '--offline'], alone)).error).toBeUndefined();
    expect(((await run(['orders', '--what-if', 'gb=1'])).error as Error).message).toMatch(
      /^--what-if: "gb" cannot/,
    );
  });

  test('compares with what is deployed', async () => {
    const same = toPlanTexts(toDeployedPlan(planResources(config)));
    expect((await run([], { deployed: () => Promise.resolve(same) })).out).toMatch(
      /What is deployed is this plan\.\n\nWhat really comes .*headgate plan --measured/,
    );
    const { out } = await run(['orders', '--what-if', 'freshness=10 seconds'], {
      deployed: () => Promise.resolve(same),
    });
    expect(out).toMatch(/A deployment would change:\n {2}~ sources\.orders: .*30 seconds → .*10 seconds/);
  });

  test('shows what was spent of monthly budgets, where somebody may read it', async () => {
    const declared = configOf({ orders: declare.push({ budget: { usdPerMonth: 900 } }) });
    const texts = toPlanTexts(toDeployedPlan(planResources(declared)));
    const deployed = () => Promise.resolve(texts);
    const spend = new MemorySpendStore();
    await spend.add('orders', 202601, { usd: 600 });
    await spend.setSlowed('orders', 202601, Date.UTC(2026, 0, 1));
    expect((await run([], { declared, deployed, spend })).out).toMatch(
      /orders: \$600\.00 of \$900\.00 spent, \$186\d\d\.\d\d projected; slowed since 2026-01-01 00:00/,
    );
    const { budgets } = await json([], { declared, deployed, spend });
    expect(budgets).toMatchObject([{ source: 'orders', spentUsd: 600 }]);
    const denied = await run([], { declared, deployed });
    expect(denied.error).toBeUndefined();
    expect(denied.out).not.toContain('Budgets');
  });

  test.each([
    ['nothing is deployed', () => Promise.resolve([]), /"headgate" is not deployed in this account/],
    [
      'there are no credentials',
      () => Promise.reject(new BlockedError('CREDENTIALS_INVALID', 'sign in')),
      /not reachable \(CREDENTIALS_INVALID\)/,
    ],
    ['it is of another version', () => Promise.resolve(['{"version":9}']), /another version/],
  ])('works all the same when %s', async (_case, deployed, says) => {
    const { out, error } = await run([], { deployed });
    expect(error).toBeUndefined();
    expect(out).toMatch(says);
  });

  test('does not hide a bug as an account that cannot be reached', async () => {
    const { error } = await run([], { deployed: () => Promise.reject(new TypeError('bug')) });
    expect(error).toBeInstanceOf(TypeError);
  });

  test('takes the prices of a file', async () => {
    const [here, there] = [await json(['--offline']), await json(['--offline', '--prices', 'eu.json'])];
    expect(there['usdPerMonth']).toBeGreaterThan(here['usdPerMonth'] as number);
  });

  test('writes a page that needs nothing else', async () => {
    const file = join(folder, 'plan.html');
    await run(['--offline', '--html', file]);
    const page = readFileSync(file, 'utf8');
    expect(page).toMatch(/<title>headgate: plan<\/title>/);
    expect(page).not.toMatch(/(src|href)=["']?(https?:)?\/\//);
  });

  test('has help with an example', async () => {
    const { out, error } = await run(['--help']);
    expect(error).toBeInstanceOf(CommanderError);
    expect(out).toMatch(/\$ headgate plan orders --what-if/);
  });
});
