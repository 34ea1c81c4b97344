import * as z from 'zod';
import { duration } from './units.ts';

/** A field of a record. */
export const path = z
  .string()
  .regex(/^[^.]+(\.[^.]+)*$/, { error: 'must be a path of field names joined by dots, such as "user.id"' })
  .describe('A field of the record, nested fields joined by dots.');

/** What a record must look like. */
const contract = z
  .strictObject({
    schema: z
      .record(z.string(), z.json())
      .describe('JSON Schema 2020-12 of one record. Its properties become the typed columns of the lake.'),
    dataTypes: z
      .enum(['quarantine', 'freeze'])
      .default('quarantine')
      .describe(
        'A record that violates the schema: `quarantine` keeps it in the quarantine zone with its reason, ' +
          '`freeze` refuses it.',
      ),
    columns: z
      .enum(['evolve', 'freeze', 'quarantine'])
      .default('evolve')
      .describe(
        'A field that the schema does not name: `evolve` keeps it in the `_extra` column, `freeze` refuses the ' +
          'record, `quarantine` sends it to quarantine.',
      ),
  })
  .describe('What a record must look like.');

const eventTime = z
  .strictObject({
    path,
    format: z
      .enum(['iso-8601', 'epoch-milliseconds', 'epoch-seconds'])
      .default('iso-8601')
      .describe('How the field writes the time. A date without a time means midnight UTC.'),
  })
  .describe('When the event happened; it decides the partition. Without it the time of receipt is used.');

/** What something may cost. */
export const budget = z
  .strictObject({
    usdPerGb: z
      .number()
      .positive()
      .optional()
      .describe('Most that one GB of raw JSON may cost, in US dollars.'),
    usdPerMonth: z
      .number()
      .positive()
      .optional()
      .describe(
        'Most that a month may cost, in US dollars. A source that is projected to cost more is slowed down and has an alarm, see docs/cost.md; nothing is refused or lost.',
      ),
  })
  .refine(({ usdPerGb, usdPerMonth }) => usdPerGb !== undefined || usdPerMonth !== undefined, {
    error: 'must say usdPerGb, usdPerMonth, or both',
  });

/** The five questions of the decision framework, and what every source has. */
export const common = {
  description: z.string().max(500).optional().describe('One sentence for people.'),
  freshness: duration('1 second', '30 days').describe(
    'Question 1: how old may data in the lake be? For example "30 seconds".',
  ),
  volume: z
    .union(
      [
        z.strictObject({
          recordsPerSecond: z.number().positive().describe('Average over a busy hour.'),
          recordBytes: z.int().positive().describe('Average size of a record as JSON.'),
        }),
        z.strictObject({
          gbPerDay: z.number().positive().describe('1 GB = 1e9 bytes of raw JSON.'),
          recordBytes: z
            .int()
            .positive()
            .optional()
            .describe('Average size of a record as JSON. Without it the plan reckons with 1,000.'),
        }),
      ],
      { error: 'must be { recordsPerSecond, recordBytes } or { gbPerDay }, with recordBytes if you know it' },
    )
    .describe(
      'Question 2: how much data? Of what is read as a whole: its size times the reads of a day, which the freshness asks for.',
    ),
  // Question 3, the source type, is the `type` of each variant below.
  changes: z
    .enum(['append', 'upserts', 'upserts-and-deletes'])
    .default('append')
    .describe(
      'Question 4: how does the data change? Events are appended; tables also change and delete rows.',
    ),
  budget: budget
    .optional()
    .describe('Question 5: what may it cost? The plan says when it costs more, and what would meet it.'),
  contract,
  key: z
    .array(path)
    .min(1)
    .max(8)
    .describe(
      'The fields that identify a record: the idempotency key. Include the event time where there is one, so that ' +
        'deduplication can be partitioned by it.',
    ),
  eventTime: eventTime.optional(),
  partition: z
    .enum(['hour', 'day'])
    .default('hour')
    .describe('How the lake is partitioned by event time (UTC): dt=YYYY-MM-DD/hour=HH, or dt=YYYY-MM-DD.'),
  dedupe: z
    .enum(['record', 'request', 'none'])
    .default('record')
    .describe(
      'What is deduplicated: each `record` by its key, only repeated `request`s as a whole (cheaper), or `none`.',
    ),
  dedupeWindow: duration('1 hour', '90 days')
    .default('7 days')
    .describe('How long after its arrival a record is remembered for deduplication.'),
  alarms: z
    .strictObject({
      stoppedAfter: duration('1 minute', '7 days')
        .optional()
        .describe('Alarm when nothing was received for this long. Without it the source has no such alarm.'),
      maxLatency: duration('1 second', '7 days')
        .optional()
        .describe(
          'Alarm when the p99 from receipt to lake is above this. Default: twice the freshness, 1 minute at least.',
        ),
      maxErrorRate: z
        .number()
        .gt(0)
        .lte(1)
        .default(0.05)
        .describe('Alarm above this share of failed records.'),
      maxVolumeDrop: z
        .union([z.number().gt(0).lt(1), z.literal(false)], {
          error: 'must be a number above 0 and below 1, such as 0.2 for 20 %, or false',
        })
        .default(0.2)
        .describe(
          'Warning when fewer records come than at the same time of the weeks before, by more than this part; `false`: none.',
        ),
      maxCostRise: z
        .union([z.number().gt(0).lte(100), z.literal(false)], {
          error: 'must be a number above 0 up to 100, such as 0.2 for 20 %, or false',
        })
        .default(0.2)
        .describe(
          'Warning when a day costs more than those of the week before, by more than this part; `false`: none.',
        ),
    })
    .prefault({})
    .describe('Thresholds of the alarms of this source.'),
};

/** Shards of a stream. */
export const shardCount = z.int().min(1).max(500);

/** Records in one request. */
export const requestRecords = z.int().min(1).max(10_000);

/** An absolute https URL. */
export const httpsUrl = z.string().refine((text) => URL.parse(text)?.protocol === 'https:', {
  error: 'must be an absolute https URL, such as "https://login.example.com/"',
});

/** A secret that is read at run time. */
export const secretParameter = z.strictObject({
  parameter: z.string().regex(/^\/[\w./-]+$/, {
    error: 'must be the name of an SSM parameter, such as "/headgate/github/secret"',
  }),
});

/** Text that may differ per deployment: written down, or in an SSM parameter. */
export const deploymentValue = z.union(
  [
    z.string(),
    z
      .strictObject({
        parameter: z.string().regex(/^\/[\w./-]+$/, {
          error: 'must be the name of an SSM parameter, such as "/headgate/orders/url"',
        }),
      })
      .describe('An SSM parameter (a SecureString for secrets) that is read at run time.'),
  ],
  { error: 'must be text, or { parameter: "/name/of/an/ssm/parameter" }' },
);
