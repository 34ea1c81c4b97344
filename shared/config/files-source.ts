import * as z from 'zod';
import { common, path } from './fields.ts';
import { pulled } from './pulled-fields.ts';
import { size } from './units.ts';

/** One ASCII character: it must not be a part of another one. */
const character = z.string().refine((text) => /^[\t -~]$/.test(text), {
  error: 'must be one ASCII character that can be seen, a space or a tab',
});

const format = z
  .discriminatedUnion('type', [
    z
      .strictObject({
        type: z.literal('csv'),
        delimiter: character.default(',').describe('Between two fields, for example "\\t".'),
        quote: z
          .union([character, z.literal('none')])
          .default('"')
          .describe(
            'Around fields that contain delimiters or line breaks; doubled inside. "none": no quoting.',
          ),
        header: z
          .union([z.boolean(), z.array(z.string().min(1)).min(1).max(4_000)])
          .default(true)
          .describe(
            '`true`: the first row names the columns. `false`: there is none, the columns are the properties of the ' +
              'contract in their order. A list: there is none, these are the names.',
          ),
        nullValues: z
          .array(z.string())
          .max(20)
          .default([''])
          .describe('Texts that stand for null where they are not quoted, for example "NULL" or "\\\\N".'),
      })
      .describe('RFC 4180 in UTF-8. Values have the types that the contract gives their columns.'),
    z.strictObject({ type: z.literal('ndjson') }).describe('One JSON object per line, in UTF-8.'),
    z
      .strictObject({
        type: z.literal('json'),
        recordsPath: path
          .optional()
          .describe(
            'Where each document holds the array of records. Without it the document is the array, or one record.',
          ),
      })
      .describe('Arrays of objects, or objects one after the other, in UTF-8.'),
    z.strictObject({ type: z.literal('parquet') }).describe('Apache Parquet.'),
  ])
  .describe('What is in the objects.');

/** Whether a location is one for development only. */
const isForDevelopment = (location: string): boolean => !location.startsWith('s3://');

const LOCATION =
  /^(s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/([^/]+\/)*|file:\/\/\/(.*\/)?|https?:\/\/[^/?#]+\/([^?#]*\/)?)$/;

interface FilesRules {
  readonly location: string;
  readonly development: boolean;
  readonly notifications: boolean;
  readonly key: readonly string[];
  readonly dedupe?: 'record' | 'none' | undefined;
  readonly order: 'unknown' | 'ascending';
  readonly lookbackObjects?: number | undefined;
}

function checkRules(source: FilesRules, context: z.core.$RefinementCtx): void {
  const report = (field: string, message: string): void => {
    context.issues.push({ code: 'custom', path: [field], message, input: source });
  };
  if (isForDevelopment(source.location) && !source.development)
    report('location', 'must begin with "s3://"; folders and HTTP listings need development: true');
  if (!isForDevelopment(source.location) && source.development)
    report('development', 'has no effect on s3://; remove it');
  if (isForDevelopment(source.location) && source.notifications)
    report('notifications', 'only buckets (s3://) send them; remove it');
  if (source.key.length === 0 && source.dedupe === 'record')
    report(
      'dedupe',
      'is "record" and there is no `key` to know records by; declare `key`, or remove "dedupe"',
    );
  if (source.order === 'unknown' && source.lookbackObjects !== undefined)
    report('lookbackObjects', 'has no effect with order: "unknown"; remove it, or set order: "ascending"');
}

const DEFAULT_LOOKBACK_OBJECTS = 1_000;

/** A source of type `files`. */
export const filesSource = z
  .strictObject({
    type: z.literal('files'),
    ...common,
    ...pulled,
    key: z
      .array(path)
      .max(8)
      .default([])
      .describe(
        'The fields that identify a record. With them a record that is in several objects lands once. Without them every ' +
          'row of every object lands once.',
      ),
    dedupe: z.enum(['record', 'none']).optional().describe('Default: `record` with a `key`, `none` without.'),
    location: z
      .string()
      .regex(LOCATION, {
        error: 'must be "s3://bucket/" or "s3://bucket/folder/", with a slash at its end',
      })
      .describe('Folder of a bucket: everything under it that matches `pattern` is read.'),
    development: z
      .boolean()
      .default(false)
      .describe('Allow file:///folder/ and http(s)://host/folder/ (an HTML listing) as `location`.'),
    notifications: z
      .boolean()
      .default(false)
      .describe(
        'The bucket sends its events to EventBridge, and each new object has the source read within seconds. Turn that on ' +
          'at the bucket: Headgate does not change buckets that are not its own. The source is listed on a schedule all the ' +
          'same, for what no event came of: every `polling.ceiling`, or every 15 minutes, or as often as the freshness asks ' +
          'if that is longer.',
      ),
    pattern: z
      .string()
      .min(1)
      .max(1_000)
      .default('**')
      .describe(
        'Which objects, by their names after `location`: `*` is anything but a slash, `**` anything, `?` one character, ' +
          '`{csv,txt}` one of several. For example "**/*.csv.gz".',
      ),
    format,
    compression: z
      .enum(['auto', 'none', 'gzip', 'zstd'])
      .default('auto')
      .describe('`auto`: gzip or zstd if an object begins like that. Parquet is compressed inside.'),
    order: z
      .enum(['unknown', 'ascending'])
      .default('unknown')
      .describe(
        '`ascending`: names of new objects come after those of older ones (they begin with a date), so that a listing ' +
          'need not begin at the first one: it begins `lookbackObjects` before the last one that was there two listings ' +
          'ago, and what appears before that is never seen. `unknown`: every run lists everything, 1,000 objects a request.',
      ),
    lookbackObjects: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(`With order "ascending". Default: ${String(DEFAULT_LOOKBACK_OBJECTS)}.`),
    maxRecordBytes: size('1 KiB', '64 MiB')
      .default('1 MiB')
      .describe(
        'Largest record, as text. A larger line goes to quarantine; so does the rest of a larger CSV or JSON text.',
      ),
    maxCompressionRatio: z
      .int()
      .min(2)
      .max(1_000_000)
      .default(500)
      .describe(
        'An object that grows by more than this factor is not read on: it may be made to fill memory.',
      ),
  })
  .superRefine(checkRules)
  .describe('New objects in a bucket are read on a schedule, each version once.')
  .transform((source) => ({
    ...source,
    dedupe: source.dedupe ?? (source.key.length > 0 ? ('record' as const) : ('none' as const)),
    lookbackObjects: source.lookbackObjects ?? DEFAULT_LOOKBACK_OBJECTS,
  }));
