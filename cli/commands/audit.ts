import Table from 'cli-table3';
import { Command } from 'commander';
import type { HeadgateConfig, SourceConfig } from '../../shared/config/schema.ts';
import { toMs } from '../../shared/config/units.ts';
import { hourOf, hourStartMs } from '../../shared/domain/record-counts.ts';
import {
  auditSource,
  isClean,
  type AuditedHour,
  type Damage,
  type SourceAudit,
} from '../../shared/pipeline/audit/audit-source.ts';
import { COUNT_RETENTION_DAYS } from '../../shared/ports/count-store.ts';
import { parseTime } from '../dlq/selection.ts';
import type { AuditDeps, OpenAudit } from '../open-audit.ts';
import { isPulled } from '../pull/pulled-source.ts';
import { CommandError, UsageError } from '../terminal.ts';

interface AuditOptions {
  readonly config: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const DAY_MS = 86_400_000;
/** Of more hours only those that differ are shown to people. */
const MOST_SHOWN = 48;

interface Hours {
  readonly fromHour: number;
  readonly toHour: number;
}

/** `headgate audit`: whether the lake has the rows that were counted when they landed. */
export function createAuditCommand(
  { terminal, clock, progress, loadConfig, openAudit }: AuditDeps,
  configFile: string,
): Command {
  async function audit(name: string | undefined, options: AuditOptions): Promise<void> {
    const config = await loadConfig(options.config);
    const sources = toSources(config, name, options.config);
    const asked = sources.map(([source, declared]) => ({
      source,
      declared,
      ...toHours(declared, options, clock.nowMs()),
    }));
    const lake = await openAudit(config);
    const found: { readonly audit: SourceAudit; readonly hours: Hours; readonly declared: SourceConfig }[] =
      [];
    try {
      for (const { source, declared, ...hours } of asked)
        found.push({ audit: await auditOne(lake, source, hours), hours, declared });
    } finally {
      progress.stop();
      lake.close();
    }
    if (options.json) {
      const all = found.map(({ audit: one, hours }) => toJson(one, hours, lake.bucket));
      terminal.out(JSON.stringify(all));
    } else
      terminal.out(
        found
          .map(({ audit: one, hours, declared }) => toText(one, hours, declared, lake.bucket))
          .join('\n\n'),
      );
    const differing = found.filter(({ audit: one }) => !isClean(one));
    if (differing.length > 0)
      throw new CommandError(
        `the lake is not what was counted: ${differing.map(({ audit: { source } }) => source).join(', ')}`,
      );
  }

  async function auditOne(lake: OpenAudit, source: string, hours: Hours): Promise<SourceAudit> {
    const rows = lake.openRows();
    try {
      return await auditSource(
        { ...lake, rows },
        {
          ...{ source, ...hours },
          onObject: (done, known, key) => {
            progress.update(done, known, key);
          },
        },
      );
    } finally {
      progress.stop();
      await rows.close();
    }
  }

  return new Command('audit')
    .description(
      'Compare the rows in the lake with those that were counted when they landed, hour by hour; the exit code is 1 if they differ',
    )
    .argument('[source]', 'only this one')
    .option(
      '--from <time>',
      'received in this hour or later: "2026-01-31", "2026-01-31T10:00:00Z", or "2 days" ago (default: a day before --to)',
    )
    .option(
      '--to <time>',
      'received before this time (default: the last hour of which nothing is on its way any more)',
    )
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate audit orders --from "7 days"')
    .action(audit);
}

function toSources(
  { sources }: HeadgateConfig,
  name: string | undefined,
  file: string,
): readonly (readonly [string, SourceConfig])[] {
  if (name === undefined) return Object.entries(sources);
  const source = sources[name];
  if (source !== undefined) return [[name, source]];
  throw new CommandError(
    `source ${JSON.stringify(name)} is not declared in ${file}; there are: ${Object.keys(sources).join(', ')}`,
  );
}

/** @throws UsageError that names the option */
function toHours({ freshness }: SourceConfig, { from, to }: AuditOptions, nowMs: number): Hours {
  // What is on its way is in the lake before it is counted, or counted by nobody yet.
  const restMs = nowMs - Math.max(HOUR_MS, 2 * toMs(freshness));
  const toHour = hourOf((to === undefined ? hourStartMs(hourOf(restMs)) : parseTime(to, '--to', nowMs)) - 1);
  const fromHour = from === undefined ? toHour - DAY_HOURS + 1 : hourOf(parseTime(from, '--from', nowMs));
  if (fromHour > toHour)
    throw new UsageError(
      `--from ${from ?? ''} is not before ${to === undefined ? `${toTime(toHour + 1)}, up to which nothing is on its way any more` : `--to ${to}`}`,
    );
  if (hourStartMs(fromHour) < nowMs - COUNT_RETENTION_DAYS * DAY_MS)
    throw new UsageError(
      `--from ${from ?? ''} is too early: counts are kept for ${String(COUNT_RETENTION_DAYS)} days`,
    );
  return { fromHour, toHour };
}

const toTime = (hour: number): string => `${new Date(hourStartMs(hour)).toISOString().slice(0, 16)}Z`;

/** Rows of an hour that are not there, and nobody knows why. */
const unexplained = ({ counted, found, damaged }: AuditedHour): number => counted - found - damaged;

function toText(
  audit: SourceAudit,
  { fromHour, toHour }: Hours,
  source: SourceConfig,
  bucket: string,
): string {
  const { hours, objects } = audit;
  const sum = (of: (hour: AuditedHour) => number): number =>
    hours.reduce((total, hour) => total + of(hour), 0);
  const isEven = (hour: AuditedHour): boolean =>
    hour.counted === hour.found && hour.quarantined === hour.quarantinedFound;
  const shown = hours.length > MOST_SHOWN ? hours.filter((hour) => !isEven(hour)) : hours;
  const table = new Table({
    head: ['received', 'counted', 'in the lake', 'difference', 'in quarantine', 'in its files', 'difference'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const row = (name: string, counted: number, found: number, open: number, openFound: number): string[] =>
    [name, counted, found, found - counted, open, openFound, openFound - open].map(String);
  table.push(
    ...shown.map((hour) =>
      row(toTime(hour.hour), hour.counted, hour.found, hour.quarantined, hour.quarantinedFound),
    ),
    row(
      `all ${String(hours.length)} hours`,
      ...([
        sum((h) => h.counted),
        sum((h) => h.found),
        sum((h) => h.quarantined),
        sum((h) => h.quarantinedFound),
      ] as const),
    ),
  );
  return [
    `${audit.source}, received from ${toTime(fromHour)} to ${toTime(toHour + 1)}, ${String(objects)} objects read:`,
    table.toString(),
    ...notesOf(audit, fromHour, source, bucket),
  ].join('\n');
}

/** What was found, and what to do about it. */
function notesOf(
  audit: SourceAudit,
  fromHour: number,
  source: SourceConfig,
  bucket: string,
): readonly string[] {
  const { source: name, hours, damages, repeated, countedFrom } = audit;
  const notes = damages.map((damage) => `${describe(damage)}. ${wayOut(damage, bucket)}`);
  const lacking = hours.filter((hour) => unexplained(hour) > 0);
  if (lacking.length > 0)
    notes.push(
      `${String(lacking.reduce((sum, hour) => sum + unexplained(hour), 0))} rows of ${hoursText(lacking)} are gone without a trace: their objects were removed with all versions, or longer than 30 days ago. ${againText(name, source)}`,
    );
  const more = hours.filter((hour) => unexplained(hour) < 0);
  if (more.length > 0)
    notes.push(
      `${String(-more.reduce((sum, hour) => sum + unexplained(hour), 0))} rows of ${hoursText(more)} are in the lake that no commit has counted: they are being committed now (audit again later), or somebody has put them there.`,
    );
  const open = hours.filter(({ quarantined, quarantinedFound }) => quarantined !== quarantinedFound);
  if (open.length > 0)
    notes.push(
      `The quarantine has other rows than were counted of ${hoursText(open)}: while somebody replays or discards, audit again after that; otherwise see headgate dlq list --source ${name}.`,
    );
  if (repeated > 0)
    notes.push(
      `${String(repeated)} rows have an identity that another row has, which must never be. Find them with headgate query "SELECT _id, count(*) FROM \\"${name}\\" GROUP BY _id HAVING count(*) > 1", and report it.`,
    );
  if (countedFrom === undefined) notes.push('Nothing was counted yet, so nothing can be compared.');
  else if (countedFrom > fromHour)
    notes.push(`What was received before ${toTime(countedFrom)}, when counting began, was not compared.`);
  if (isClean(audit) && hours.length > 0) notes.push('Nothing is missing, and nothing is there twice.');
  return notes;
}

const WHAT: Readonly<Record<Damage['what'], string>> = {
  deleted: 'was deleted',
  overwritten: 'was overwritten',
  foreign: 'was not written by Headgate, and put there',
};

const describe = ({ key, what, atMs, rows }: Damage): string =>
  `${key} ${WHAT[what]} at ${new Date(atMs).toISOString()}: ${String(rows)} rows ${what === 'foreign' ? 'too many' : 'are missing'}`;

/** What makes the lake whole again. */
function wayOut({ key, what, versionId }: Damage, bucket: string): string {
  switch (what) {
    case 'deleted':
      return `Restore it: aws s3api delete-object --bucket ${bucket} --key "${key}" --version-id ${versionId}`;
    case 'overwritten':
      return `Restore it: aws s3api copy-object --bucket ${bucket} --key "${key}" --copy-source "${encodeURI(`${bucket}/${key}`)}?versionId=${versionId}" --metadata-directive COPY`;
    case 'foreign':
      return `Move it out of the lake: aws s3 mv "s3://${bucket}/${key}" .`;
  }
}

function againText(name: string, source: SourceConfig): string {
  if (!isPulled(source))
    return `Have them sent again; a record whose key has landed within ${source.dedupeWindow} is taken for a duplicate, so give it a new one, or wait.`;
  return source.type !== 'files' && source.incremental !== undefined
    ? `Read them again: headgate backfill ${name} --from … --to … lands what the lake lacks.`
    : 'Have everything read again: headgate checkpoint reset; what has landed lands again, unless it has a key.';
}

function hoursText(hours: readonly AuditedHour[]): string {
  const [first, last] = [hours[0]?.hour ?? 0, hours.at(-1)?.hour ?? 0];
  return first === last ? toTime(first) : `${toTime(first)} to ${toTime(last + 1)}`;
}

function toJson(audit: SourceAudit, { fromHour, toHour }: Hours, bucket: string): object {
  const { source, hours, damages, repeated, objects, countedFrom } = audit;
  return {
    source,
    from: toTime(fromHour),
    to: toTime(toHour + 1),
    clean: isClean(audit),
    hours: hours.map((hour) => ({
      ...hour,
      hour: toTime(hour.hour),
      difference: hour.found - hour.counted,
      unexplained: unexplained(hour),
    })),
    damages: damages.map((damage) => {
      const { atMs, ...rest } = damage;
      return { ...rest, at: new Date(atMs).toISOString(), next: wayOut(damage, bucket) };
    }),
    repeated,
    objects,
    countedFrom: countedFrom === undefined ? undefined : toTime(countedFrom),
  };
}
