import * as z from 'zod';
import { COLUMN_TYPE_WORDS, parseColumnType } from '../domain/column-type.ts';
import { deletesProblems } from './check-deletes.ts';
import { common, deploymentValue, secretParameter } from './fields.ts';
import { pulled } from './pulled-fields.ts';
import { toTableSchema } from './table-contract.ts';
import { duration, toMs } from './units.ts';

const { description, freshness, volume, changes, budget, partition, dedupeWindow, alarms } = common;

/** A name as the database has it; it is quoted wherever it is used. */
const columnName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\0]*$/, { error: 'must be the name of a column, as the database writes it' });

const tableName = z.string().regex(/^[^.\0]+(\.[^.\0]+)?$/, {
  error: 'must be the name of a table, with its schema where it needs one, such as "public.orders"',
});

const connection = z
  .strictObject({
    host: deploymentValue.describe('Host name of the writer: a replica may not know of open transactions.'),
    port: z.int().min(1).max(65535).optional().describe('Default: 5432 for PostgreSQL, 3306 for MySQL.'),
    database: deploymentValue,
    user: deploymentValue,
    password: secretParameter.optional().describe('SSM SecureString. Required unless `auth` is "iam".'),
    auth: z
      .enum(['password', 'iam'])
      .default('password')
      .describe('`iam`: tokens of RDS IAM database authentication, made anew for every connection.'),
    tls: z
      .enum(['verify-full', 'off'])
      .default('verify-full')
      .describe(
        '`verify-full`: encrypted, certificate and host name checked. `off`: only inside a network of your own.',
      ),
    ca: deploymentValue
      .optional()
      .describe(
        'Certificate authorities (PEM) that are trusted instead of those of Node, for example those of RDS.',
      ),
    network: z
      .strictObject({
        subnets: z
          .array(
            z
              .string()
              .regex(/^subnet-[0-9a-f]+$/, { error: 'must be the id of a subnet, such as "subnet-0ab1"' }),
          )
          .min(1)
          .max(16)
          .describe(
            'Best one, in the availability zone of the writer: traffic between zones costs more than the ingest.',
          ),
        securityGroups: z
          .array(
            z
              .string()
              .regex(/^sg-[0-9a-f]+$/, { error: 'must be the id of a security group, such as "sg-0ab1"' }),
          )
          .min(1)
          .max(5)
          .describe('The database must let them in.'),
      })
      .optional()
      .describe(
        'Subnets of the VPC that the database is in. Without it the database must be reachable from the internet. ' +
          'All sources with a network share one function, and must name the same one.',
      ),
    statementTimeout: duration('1 second', '14 minutes')
      .default('10 minutes')
      .describe('Longest time that one statement may take in the database.'),
  })
  .refine(({ auth, password }) => auth === 'iam' || password !== undefined, {
    path: ['password'],
    error: 'is required: { parameter: "/name/of/an/ssm/parameter" }, or set auth: "iam"',
  })
  .refine(({ auth, password }) => auth === 'password' || password === undefined, {
    path: ['password'],
    error: 'has no effect with auth: "iam"; remove one of them',
  })
  .refine(({ auth, tls }) => auth === 'password' || tls === 'verify-full', {
    path: ['tls'],
    error: 'must be "verify-full" with auth: "iam": a token must not travel unencrypted',
  })
  .describe('How the database is reached.');

const database = {
  ...{ description, freshness, volume, changes, budget, partition, dedupeWindow, alarms },
  ...pulled,
  key: z
    .array(columnName)
    .max(8)
    .default([])
    .describe(
      'The columns that identify a row: the primary key. Required to read incrementally and to split a table.',
    ),
  dedupe: z.literal('record').default('record'),
  eventTime: z
    .strictObject({ path: columnName, format: z.literal('iso-8601').default('iso-8601') })
    .optional()
    .describe(
      'Column (date, timestamp, local-timestamp) that decides the partition. Without it the time of reading is used, and ' +
        'with `lookback` the cursor.',
    ),
  connection,
  table: tableName.optional().describe('Table or view that is read.'),
  query: z
    .string()
    .min(1)
    .max(20_000)
    .optional()
    .describe('A SELECT that is read instead of a table, without ORDER BY, LIMIT and semicolon.'),
  columns: z
    .record(
      columnName,
      z.string().refine((text) => parseColumnType(text) !== undefined, {
        error: `must be one of ${COLUMN_TYPE_WORDS}`,
      }),
    )
    .refine((columns) => Object.keys(columns).length > 0, { error: 'declare at least one column' })
    .describe('Columns that are read and their types in the lake; `headgate discover` prints them.'),
  undeclared: z
    .enum(['evolve', 'freeze'])
    .default('evolve')
    .describe(
      'A column of the table that `columns` does not name: `evolve` keeps it in `_extra`, `freeze` stops the source.',
    ),
  incremental: z
    .strictObject({
      cursor: columnName.describe(
        'Column that grows with every change: a time or a version. It should be indexed, and never null.',
      ),
      initialValue: z
        .string()
        .optional()
        .describe('Where the first run starts, inclusive. Without it with the first row.'),
      lookback: duration('1 second', '30 days')
        .optional()
        .describe(
          'Read again this far behind the cursor, deduplicated, instead of waiting for the oldest open transaction: for ' +
            'roles that may not see the transactions of others, and for times that applications set. At least as long ' +
            'as the longest transaction.',
        ),
    })
    .optional()
    .describe(
      'Read only what is new or changed. Without it (and `changeLog`) every run reads the whole table.',
    ),
  changeLog: z
    .strictObject({
      id: columnName.describe('Column that numbers the entries.'),
      processed: columnName
        .optional()
        .describe(
          'Boolean column that is false for new entries; Headgate sets it to true once they have landed. Without it the ids are followed.',
        ),
    })
    .optional()
    .describe('The table is a log of changes that a trigger or an application writes.'),
  deletes: z
    .strictObject({
      reconcile: z
        .strictObject({
          every: duration('1 hour', '30 days')
            .default('1 day')
            .describe('How often the keys of the table are read.'),
          holdBackAbove: z
            .strictObject({
              share: z
                .number()
                .min(0)
                .max(1)
                .default(0.2)
                .describe('Of the rows that are alive in the lake: 0.2 is a fifth.'),
              rows: z
                .int()
                .min(0)
                .default(100)
                .describe('So few are never held back, unless the table is empty.'),
            })
            .prefault({})
            .describe(
              'When more than both would be marked as deleted at once, nothing is, and the source pauses itself: the ' +
                'table may be the wrong one, or the role not see all of it.',
            ),
        })
        .describe(
          'Reads the key of every row now and then, and lands a row with `_op` = `d` for each key that is gone.',
        ),
    })
    .optional()
    .describe(
      'How deletes are found where reading by cursor does not see them: needs `incremental` and ' +
        '`changes: "upserts-and-deletes"`.',
    ),
  probe: z
    .union([
      z.literal(false),
      z.strictObject({
        every: duration('10 minutes', '7 days')
          .default('1 hour')
          .describe('How often rows are counted; each is counted twice.'),
      }),
    ])
    .default({ every: '1 hour' })
    .describe(
      'The database counts the rows of what was read, and rows that were passed over are found. `false`: nothing is counted.',
    ),
  rowsPerSplit: z
    .int()
    .min(10_000)
    .max(100_000_000)
    .default(1_000_000)
    .describe(
      'A full read is divided by the key into ranges of about so many rows; each is repeated alone when it fails.',
    ),
  tasksMax: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('Function instances that read ranges of this source at the same time.'),
};

const EITHER_TABLE_OR_QUERY = {
  path: ['table'],
  error: 'set either `table` or `query`',
};

interface DatabaseRules {
  readonly table?: string | undefined;
  readonly query?: string | undefined;
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, string>>;
  readonly eventTime?: { readonly path: string } | undefined;
  readonly dedupeWindow: string;
  readonly incremental?: { readonly cursor: string; readonly lookback?: string | undefined } | undefined;
  readonly changeLog?: { readonly id: string; readonly processed?: string | undefined } | undefined;
  readonly changes: 'append' | 'upserts' | 'upserts-and-deletes';
  readonly deletes?: object | undefined;
}

const TIMES: ReadonlySet<string> = new Set(['date', 'timestamp', 'local-timestamp']);
const CURSORS: ReadonlySet<string> = new Set(['integer', 'bigint', 'date', 'timestamp', 'local-timestamp']);

function checkRules(source: DatabaseRules, context: z.core.$RefinementCtx): void {
  const { key, columns, eventTime, incremental, changeLog } = source;
  const report = (path: (string | number)[], message: string): void => {
    context.issues.push({ code: 'custom', path, message, input: source });
  };
  const names = Object.keys(columns).join(', ');
  const require = (path: (string | number)[], name: string, allowed?: ReadonlySet<string>): void => {
    const type = columns[name];
    if (type === undefined) report(path, `"${name}" is not declared in \`columns\`; declared are: ${names}`);
    else if (allowed !== undefined && !allowed.has(type) && !type.startsWith('decimal('))
      report(path, `"${name}" is ${type}; it must be one of ${[...allowed].join(', ')}`);
  };
  key.forEach((name, i) => {
    require(['key', i], name);
  });
  if (eventTime !== undefined) require(['eventTime', 'path'], eventTime.path, TIMES);
  if (incremental !== undefined) {
    require(['incremental', 'cursor'], incremental.cursor, CURSORS);
    if (key.length === 0)
      report(['key'], 'is required with `incremental`: rows with equal cursors are told apart by it');
    const type = columns[incremental.cursor];
    if (incremental.lookback !== undefined && type !== undefined && !TIMES.has(type))
      report(
        ['incremental', 'lookback'],
        `needs a cursor that is a time, and "${incremental.cursor}" is ${type}; remove it`,
      );
    checkWindow(source, report);
    if (changeLog !== undefined)
      report(['changeLog'], 'cannot be set together with `incremental`; remove one of them');
  }
  if (changeLog !== undefined) {
    require(['changeLog', 'id'], changeLog.id, new Set(['integer', 'bigint']));
    if (changeLog.processed !== undefined)
      require(['changeLog', 'processed'], changeLog.processed, new Set(['boolean', 'integer']));
    if (source.query !== undefined)
      report(['query'], 'cannot be set together with `changeLog`; name the log in `table`');
  }
  for (const { path, message } of deletesProblems(source)) report([...path], message);
}

/** A day: between two runs, and for clocks that differ. */
const WINDOW_RESERVE_MS = 86_400_000;

/** Rows are recognised by claims for as long as they are read again. */
function checkWindow(
  { dedupeWindow, incremental }: DatabaseRules,
  report: (path: string[], message: string) => void,
): void {
  const { lookback } = incremental ?? {};
  if (lookback === undefined || toMs(dedupeWindow) >= toMs(lookback) + WINDOW_RESERVE_MS) return;
  report(
    ['dedupeWindow'],
    `is ${dedupeWindow}; it must be a day longer than \`incremental.lookback\` (${lookback}) at least, or rows that are read again land again`,
  );
}

const isEither = ({ table, query }: DatabaseRules): boolean =>
  (table === undefined) !== (query === undefined);

/** A table or query of a PostgreSQL database. */
export const postgresSource = z
  .strictObject({ type: z.literal('postgres'), ...database })
  .refine(isEither, EITHER_TABLE_OR_QUERY)
  .superRefine(checkRules)
  .describe('A table or query of a PostgreSQL database, read on a schedule.')
  .transform((source) => ({ ...source, contract: toContractConfig(source) }));

/** A table or query of a MySQL or MariaDB database. */
export const mysqlSource = z
  .strictObject({ type: z.literal('mysql'), ...database })
  .refine(isEither, EITHER_TABLE_OR_QUERY)
  .superRefine(checkRules)
  .describe('A table or query of a MySQL or MariaDB database, read on a schedule.')
  .transform((source) => ({ ...source, contract: toContractConfig(source) }));

/** What `contract` is where columns are declared: all sources have one. */
function toContractConfig(source: {
  columns: Readonly<Record<string, string>>;
  undeclared: 'evolve' | 'freeze';
}): {
  schema: Record<string, z.core.util.JSONType>;
  dataTypes: 'quarantine';
  columns: 'evolve' | 'freeze';
} {
  const schema = toTableSchema(source.columns) as Record<string, z.core.util.JSONType>;
  return { schema, dataTypes: 'quarantine', columns: source.undeclared };
}
