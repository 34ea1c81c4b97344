import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram, type CliDeps } from '../../../cli/run-cli.ts';
import { SOURCE_PROBLEMS } from '../../../shared/domain/checks/source-problems.ts';
import { ENGINE_ERRORS } from '../../../shared/domain/engine-errors.ts';
import { PROBLEMS } from '../../../shared/domain/problems.ts';
import { QUARANTINE_REASONS } from '../../../shared/domain/quarantine.ts';
import { runbookOf, RUNBOOKS, type RunbookKind } from '../../../shared/domain/runbooks.ts';

const FOLDER = 'docs/runbooks';

/** Pages about errors, with the codes that each must help with. */
const ERROR_PAGES: Readonly<Record<string, readonly string[]>> = {
  'quarantine.md': Object.keys(QUARANTINE_REASONS),
  'push-problems.md': Object.keys(PROBLEMS),
  'source-problems.md': Object.keys(SOURCE_PROBLEMS),
  'engine-errors.md': Object.keys(ENGINE_ERRORS),
};
const INDEX = 'README.md';
const SECTIONS = ['**Means:**', '**At risk:**', '## Look', '## Mend', '## Over'];

const pages = readdirSync(FOLDER);
const textOf = (page: string): string => readFileSync(join(FOLDER, page), 'utf8');
const kinds = Object.keys(RUNBOOKS) as RunbookKind[];

describe('pages', () => {
  test('there is one of each kind of alarm and finding, and of each kind of error, and no other', () => {
    const wanted = [...kinds.map((kind) => `${kind}.md`), ...Object.keys(ERROR_PAGES), INDEX];
    expect([...pages].sort()).toEqual([...wanted].sort());
    for (const kind of kinds) expect(existsSync(runbookOf(kind)), kind).toBe(true);
  });

  test.each(kinds)('%s has the title of its kind', (kind) => {
    expect(textOf(`${kind}.md`).split('\n', 1)).toEqual([`# ${RUNBOOKS[kind]}`]);
  });

  test.each(pages.filter((page) => page !== INDEX))(
    '%s says what it means, what is at risk, how to look, to mend, and to see that it is over',
    (page) => {
      const text = textOf(page);
      const places = SECTIONS.map((section) => text.indexOf(section));
      expect(places).not.toContain(-1);
      expect([...places].sort((a, b) => a - b)).toEqual(places);
    },
  );

  test('the index names all of them', () => {
    const text = textOf(INDEX);
    for (const page of pages) if (page !== INDEX) expect(text).toContain(`(${page})`);
  });
});

describe('errors', () => {
  test.each(Object.entries(ERROR_PAGES))('%s has each code, and none that is not there', (page, codes) => {
    const mend = textOf(page).split('## Mend')[1] ?? '';
    for (const code of codes) expect(mend, code).toContain(`\`${code}\``);
    const known = [...Object.values(ERROR_PAGES).flat(), ...ACRONYMS];
    for (const [, code = ''] of mend.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)) expect(known).toContain(code);
  });

  test('each code that is thrown is known', () => {
    const known = new Set([...Object.keys(SOURCE_PROBLEMS), ...Object.keys(ENGINE_ERRORS)]);
    expect([...thrownCodes()].filter((code) => !known.has(code))).toEqual([]);
  });

  test('each code of the engine is thrown somewhere', () => {
    const sources = sourceTexts().join('\n');
    for (const code of Object.keys(ENGINE_ERRORS)) expect(sources, code).toContain(`'${code}'`);
  });
});

/** Words in code type that are no codes. */
const ACRONYMS = ['AWS_PROFILE', 'AWS_REGION'];

function sourceTexts(): readonly string[] {
  return globSync(['shared/**/*.ts', 'lambdas/**/*.ts', 'cli/**/*.ts'])
    .filter((file) => !file.endsWith('engine-errors.ts'))
    .map((file) => readFileSync(file, 'utf8'));
}

/** Codes that errors are made with. */
function thrownCodes(): ReadonlySet<string> {
  const codes = new Set<string>();
  for (const text of sourceTexts()) {
    for (const [, code = ''] of text.matchAll(/(?:new \w*Error|super)\(\s*'([A-Z][A-Z_]{3,})'/g))
      codes.add(code);
  }
  return codes;
}

/** Command lines of all pages: lines of code blocks, and code within the text. */
const commands = pages.flatMap((page) => {
  const text = textOf(page);
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...inline]
    .map((line) => line.trim())
    .filter((line) => /^(npx|aws) /.test(line))
    .map((line) => [page, line] as const);
});

/** The words of a command line as a shell would see them, without a comment. */
function wordsOf(line: string): readonly string[] {
  const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(#.*)|([^\s"']+)/g)];
  return words
    .filter(([, , , comment]) => comment === undefined)
    .map(([, double, single, , plain]) => double ?? single ?? plain ?? '');
}

/** Replaces what commands do, so that a command line is only parsed. */
function withoutActions(command: Command): Command {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  if (command.commands.length === 0) command.action(() => undefined);
  for (const subcommand of command.commands) withoutActions(subcommand);
  return command;
}

describe('commands', () => {
  const ours = commands.filter(([, line]) => line.startsWith('npx headgate'));
  const ofAws = commands.filter(([, line]) => line.startsWith('aws '));

  test.each(ours)('%s: %s', async (_page, line) => {
    const [, , ...args] = wordsOf(line);
    const program = withoutActions(createProgram({ terminal: {} } as CliDeps));
    await expect(program.parseAsync(args, { from: 'user' })).resolves.toBeDefined();
  });

  test.each(ofAws)('%s: %s', async (_page, line) => {
    const [, service = '', operation = ''] = wordsOf(line);
    if (service === 's3') expect(['ls', 'cp', 'mv', 'rm', 'sync']).toContain(operation);
    else if (!(service === 'logs' && operation === 'tail')) {
      const client = { s3api: 's3', logs: 'cloudwatch-logs' }[service] ?? service;
      const sdk = (await import(`@aws-sdk/client-${client}`)) as Readonly<Record<string, unknown>>;
      const name = operation.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const found = Object.keys(sdk).some(
        (exported) => exported.toLowerCase() === `${name}Command`.toLowerCase(),
      );
      expect(found, name).toBe(true);
    }
  });

  test('other commands are those of the CDK', () => {
    const others = commands.filter(
      ([, line]) => !line.startsWith('npx headgate') && !line.startsWith('aws '),
    );
    for (const [page, line] of others) expect(line, page).toMatch(/^npx cdk (deploy|diff|list)( |$)/);
  });
});

test('links lead somewhere', () => {
  for (const page of pages) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? join(FOLDER, page) : join(dirname(join(FOLDER, page)), file);
      expect(existsSync(path), `${page}: ${target}`).toBe(true);
      if (anchor === undefined) continue;
      expect(anchorsOf(readFileSync(path, 'utf8')), `${page}: ${target}`).toContain(anchor);
    }
  }
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
