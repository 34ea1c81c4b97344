import type { FilesSourceConfig } from '../../config/schema.ts';
import { findingOf, findingOfFailure, type Finding } from '../../domain/checks/finding.ts';
import { OBJECT_START } from '../../domain/files-position.ts';
import { toObjectPattern } from '../../domain/files/object-pattern.ts';
import { TransientError } from '../../domain/errors.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectSource, ObjectVersion } from '../../ports/object-source.ts';
import type { ParquetReader } from '../../ports/parquet-reader.ts';
import { readObject } from '../files/read-object.ts';
import { judgeSample, type SampleRecord } from './judge-sample.ts';

export interface FilesCheckDeps {
  readonly source: Source<FilesSourceConfig>;
  readonly objects: ObjectSource;
  readonly parquet: ParquetReader;
  readonly clock: Clock;
  /** When the check must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

/** Some 20,000 objects that do not match are enough to look at. */
const MAX_PAGES = 20;
const MAX_SHOWN_NAMES = 3;
const MAX_SAMPLE_RECORDS = 1_000;

/** Looks for an object that matches, and reads its beginning. */
export async function checkFiles(deps: FilesCheckDeps): Promise<readonly Finding[]> {
  const { source, clock } = deps;
  try {
    const { match, seen, others, isWhole } = await findMatch(deps);
    if (match === undefined) return [noneMatches(source.config, { seen, others, isWhole })];
    const { records, failure } = await readSample(deps, match);
    const place = `at the beginning of ${match.name}`;
    const judged =
      failure !== undefined && records.length === 0
        ? []
        : judgeSample(source, records, { place, nowMs: clock.nowMs() });
    return failure === undefined ? judged : [named(findingOfFailure(failure), match), ...judged];
  } catch (error) {
    return [advised(findingOfFailure(error), source.config)];
  }
}

interface Found {
  readonly match: ObjectVersion | undefined;
  /** Objects that were listed. */
  readonly seen: number;
  /** Some names that do not match. */
  readonly others: readonly string[];
  readonly isWhole: boolean;
}

/** The first object that matches and is not empty. */
async function findMatch({ source, objects, clock, deadlineMs }: FilesCheckDeps): Promise<Found> {
  const matches = toObjectPattern(source.config.pattern);
  const others: string[] = [];
  let seen = 0;
  let after = '';
  for (let page = 1; ; page++) {
    const listed = await objects.list(after, deadlineMs);
    seen += listed.objects.length;
    const match = listed.objects.find(({ name, bytes }) => bytes > 0 && matches(name));
    others.push(...listed.objects.slice(0, MAX_SHOWN_NAMES - others.length).map(({ name }) => name));
    if (match !== undefined || listed.isLast) return { match, seen, others, isWhole: true };
    if (page >= MAX_PAGES || clock.nowMs() >= deadlineMs) return { match, seen, others, isWhole: false };
    after = listed.last;
  }
}

function noneMatches(
  { location, pattern }: FilesSourceConfig,
  { seen, others, isWhole }: Omit<Found, 'match'>,
): Finding {
  const shown = others.map((name) => JSON.stringify(name)).join(', ');
  const there =
    seen === 0
      ? 'there is nothing there'
      : `there ${seen === 1 ? 'is' : 'are'} ${String(seen)}${isWhole ? '' : ' or more'} others, such as ${shown}`;
  return findingOf(
    'OBJECT_NONE',
    `no object under ${location} matches the pattern "${pattern}" and has bytes: ${there}. If there should be some, correct ` +
      '`location` or `pattern`: names are matched as they stand behind `location`',
  );
}

/** Records from the beginning of an object, and what kept it from being read further. */
async function readSample(
  { source, objects, parquet, clock, deadlineMs }: FilesCheckDeps,
  object: ObjectVersion,
): Promise<{ readonly records: readonly SampleRecord[]; readonly failure: unknown }> {
  const records: SampleRecord[] = [];
  const isOutOfTime = (): boolean => clock.nowMs() >= deadlineMs;
  const patient: ObjectSource = {
    list: (after, untilMs) => objects.list(after, untilMs),
    async *open(version, offset, untilMs) {
      for await (const chunk of objects.open(version, offset, untilMs)) {
        yield chunk;
        if (isOutOfTime())
          throw new TransientError(
            'CHECK_TIMEOUT',
            `the time of the check was over before a record of ${version.name} was read; give it more with --deadline`,
          );
      }
    },
  };
  try {
    const deps = { source, objects: patient, parquet, deadlineMs, isOutOfTime };
    for await (const { pieces } of readObject(deps, object, OBJECT_START)) {
      for (const { bytes, problem } of pieces) records.push({ bytes, problem });
      if (records.length >= MAX_SAMPLE_RECORDS) break;
    }
    return { records: records.slice(0, MAX_SAMPLE_RECORDS), failure: undefined };
  } catch (error) {
    // What was read in time is enough.
    const isEnough = error instanceof TransientError && records.length > 0;
    return { records: records.slice(0, MAX_SAMPLE_RECORDS), failure: isEnough ? undefined : error };
  }
}

const named = (finding: Finding, { name }: ObjectVersion): Finding => ({
  ...finding,
  message: finding.message.includes(name) ? finding.message : `${name}: ${finding.message}`,
});

/** What AWS says of a bucket of Headgate's own is not what to do about the bucket of somebody else. */
function advised(finding: Finding, { location }: FilesSourceConfig): Finding {
  if (finding.code === 'RESOURCE_MISSING')
    return findingOf('RESOURCE_MISSING', `there is no bucket for ${location} in sight; correct \`location\``);
  if (finding.code === 'ACCESS_DENIED')
    return findingOf(
      'ACCESS_DENIED',
      `the credentials at hand may not list ${location} (s3:ListBucket), so nothing is known of what is there. The function ` +
        'has credentials of its own: a bucket of another account must let its role in (s3:ListBucket, s3:GetObject)',
    );
  return finding;
}
