import type {
  DatabaseSourceConfig,
  FilesSourceConfig,
  PagedSourceConfig,
  SourceConfig,
} from '../../config/schema.ts';
import { findingOf, findingOfFailure, inOrder, type Finding } from '../../domain/checks/finding.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectSource } from '../../ports/object-source.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import type { ParquetReader } from '../../ports/parquet-reader.ts';
import type { PullSource } from '../../ports/pull-source.ts';
import type { TableSource } from '../../ports/table-source.ts';
import { checkApi } from './check-api.ts';
import { checkFiles } from './check-files.ts';
import { checkParameters } from './check-parameters.ts';
import { checkTable } from './check-table.ts';
import { within } from './within.ts';

/** What the sources are reached by: the same adapters as those of the functions. */
export interface SourceCheckDeps {
  readonly clock: Clock;
  readonly parameters: ParameterStore;
  /** Opens a table; the check closes it. */
  readonly openTable: (source: Source<DatabaseSourceConfig>) => TableSource;
  /** Opens an API. Its tokens must be read-only, see `createReadOnlyTokens`. */
  readonly openPages: (source: Source<PagedSourceConfig>) => PullSource;
  readonly openObjects: (source: Source<FilesSourceConfig>) => {
    readonly objects: ObjectSource;
    readonly parquet: ParquetReader;
  };
  /** An address of a database's host that only its own network reaches; undefined where there is none. */
  readonly privateAddress: (config: DatabaseSourceConfig) => Promise<string | undefined>;
}

/** What was found out about one source. */
export interface CheckedSource {
  readonly source: string;
  readonly type: SourceConfig['type'];
  /** Whether there is no error. */
  readonly ok: boolean;
  /** Errors first. */
  readonly problems: readonly Finding[];
}

/** Sources that are looked at together: each holds one connection. */
const MAX_AT_ONCE = 8;
/** What opens a source keeps the deadline itself; this is for what does not. */
const GRACE_MS = 5_000;

/**
 * Looks at the real things behind sources, several at the same time, without changing any of them. Never throws: what
 * fails is what it has found.
 *
 * @param limitMs longest time for one source
 * @param onChecked called after each
 * @returns in the order of `sources`
 */
export async function checkSources(
  sources: readonly Source[],
  deps: SourceCheckDeps,
  limitMs: number,
  onChecked: (checked: CheckedSource) => void = () => undefined,
): Promise<readonly CheckedSource[]> {
  const results = new Map<string, CheckedSource>();
  await forEachLimited(sources, MAX_AT_ONCE, async (source) => {
    const findings = await within(limitMs + GRACE_MS, checkSource(source, deps, limitMs), () => [
      findingOf(
        'CHECK_TIMEOUT',
        `no answer within ${String(Math.round(limitMs / 1000))} s: something on the way drops what is sent there. Check ` +
          'host and port, security groups and firewalls; or give it more time with --deadline',
      ),
    ]);
    const problems = inOrder(findings);
    const ok = problems.every(({ level }) => level !== 'error');
    const checked = { source: source.name, type: source.config.type, ok, problems };
    results.set(source.name, checked);
    onChecked(checked);
  });
  return sources.flatMap(({ name }) => results.get(name) ?? []);
}

/** Whether there is something outside of Headgate that a source depends on. */
export const isCheckable = ({ type }: SourceConfig): boolean => type !== 'push' && type !== 'stream';

async function checkSource(
  source: Source,
  deps: SourceCheckDeps,
  limitMs: number,
): Promise<readonly Finding[]> {
  try {
    const ofParameters = await checkParameters(source.config, deps.parameters);
    // Without all of them nothing can be reached.
    if (ofParameters.length > 0) return ofParameters;
    return await reach(source, deps, deps.clock.nowMs() + limitMs);
  } catch (error) {
    return [findingOfFailure(error)];
  }
}

async function reach(
  { config, ...rest }: Source,
  deps: SourceCheckDeps,
  deadlineMs: number,
): Promise<readonly Finding[]> {
  const { clock } = deps;
  switch (config.type) {
    case 'postgres':
    case 'mysql': {
      const source = { ...rest, config };
      const table = deps.openTable(source);
      try {
        const privateAddress = (): Promise<string | undefined> => deps.privateAddress(config);
        return await checkTable({ source, table, clock, deadlineMs, privateAddress });
      } finally {
        await table.close();
      }
    }
    case 'http': {
      const source = { ...rest, config };
      return checkApi({ source, pages: deps.openPages(source), clock, deadlineMs });
    }
    case 'files': {
      const source = { ...rest, config };
      return checkFiles({ source, ...deps.openObjects(source), clock, deadlineMs });
    }
    case 'push':
    case 'webhook':
    case 'stream':
      return [];
  }
}
