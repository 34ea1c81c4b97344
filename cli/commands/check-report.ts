import { hostname } from 'node:os';
import Table from 'cli-table3';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { parseDurationMs } from '../../shared/config/units.ts';
import { checkSources, isCheckable, type CheckedSource } from '../../shared/pipeline/checks/check-sources.ts';
import type { ChecksDeps } from '../open-checks.ts';
import { UsageError } from '../terminal.ts';

export const DEFAULT_DEADLINE = '30 seconds';
const MAX_DEADLINE_MS = 15 * 60_000;

/** @throws UsageError when it is no duration between a second and 15 minutes */
export function parseDeadline(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= 1000 && ms <= MAX_DEADLINE_MS) return ms;
  throw new UsageError(
    `--deadline must be a duration from "1 second" to "15 minutes", such as "30 seconds"; it is ${JSON.stringify(text)}`,
  );
}

/**
 * Looks at the real things behind the sources of a configuration.
 *
 * @param names only these; all if empty
 * @throws UsageError when a name is not declared, or there is nothing to look at
 */
export async function checkConfig(
  { openChecks, progress }: Pick<ChecksDeps, 'openChecks' | 'progress'>,
  config: HeadgateConfig,
  names: readonly string[],
  limitMs: number,
): Promise<readonly CheckedSource[]> {
  const checkable = Object.entries(config.sources)
    .filter(([, source]) => isCheckable(source))
    .map(([name]) => name);
  const unknown = names.filter((name) => !checkable.includes(name));
  if (unknown.length > 0)
    throw new UsageError(
      `${unknown.join(', ')}: no such source, or one of type push or stream, which depends on nothing outside; ` +
        (checkable.length === 0 ? 'there is none to look at' : `there are: ${checkable.join(', ')}`),
    );
  const wanted = names.length === 0 ? checkable : names;
  const compiled = compileSources(config, compileValidators(config));
  const sources = wanted.flatMap((name) => compiled.get(name) ?? []);
  const open = openChecks(config);
  let done = 0;
  try {
    return await checkSources(sources, open, limitMs, ({ source }) => {
      done++;
      if (sources.length > 1) progress.update(done, sources.length, source);
    });
  } finally {
    progress.stop();
    open.close();
  }
}

/** From where it was looked: another network may reach less or more. */
export const whereChecked = (): string =>
  `Looked at from this machine (${hostname()}), with its network and credentials. The functions have their own: a database ` +
  'that lets this machine in may not let them in, and the other way round.';

/** One row per source, and what was found below. */
export function toText(checked: readonly CheckedSource[]): string {
  const table = new Table({ head: ['source', 'type', 'state', 'found'], style: { head: [], border: [] } });
  table.push(
    ...checked.map(({ source, type, ok, problems }) => [
      source,
      type,
      ok ? (problems.length === 0 ? 'ok' : 'warn') : 'error',
      problems.map(({ code }) => code).join('\n'),
    ]),
  );
  const lines = checked.flatMap(({ source, problems }) =>
    problems.map(({ level, code, message }) => `${source}: ${level} ${code}: ${message}`),
  );
  return [table.toString(), ...lines].join('\n');
}
