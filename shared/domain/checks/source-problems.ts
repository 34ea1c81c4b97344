/** How bad a finding is: an `error` would stop the source, a `warning` would not, or cannot be judged from here. */
export type Level = 'error' | 'warning';

interface SourceProblem {
  /** What it means before a deployment, where the check finds it. */
  readonly level: Level;
  readonly meaning: string;
  /** When it shows: before a deployment too (`headgate validate --connect`), or only while records are read. */
  readonly shows: 'before' | 'while reading';
}

/**
 * Everything that sources which are read on a schedule may be stopped by, or warned of. The message that comes with a code
 * names the place and says what to do. Codes are stable; the texts are not.
 */
export const SOURCE_PROBLEMS = {
  DB_UNREACHABLE: {
    level: 'error',
    meaning: 'The database does not answer, or the connection was lost.',
    shows: 'before',
  },
  DB_PRIVATE_ADDRESS: {
    level: 'warning',
    meaning:
      'The host has a private address, and `connection.network` does not put the function into that network.',
    shows: 'before',
  },
  DB_TLS: { level: 'error', meaning: 'The certificate of the database is not accepted.', shows: 'before' },
  DB_LOGIN: {
    level: 'error',
    meaning: 'The login is refused: user, password, or IAM authentication.',
    shows: 'before',
  },
  DB_CONNECTION: {
    level: 'error',
    meaning: 'A value of `connection` is empty, or names no database.',
    shows: 'before',
  },
  DB_NO_TABLE: {
    level: 'error',
    meaning: 'The table does not exist, or the role may not see it.',
    shows: 'before',
  },
  DB_PERMISSION: {
    level: 'error',
    meaning: 'The role may not read the table or one of its columns.',
    shows: 'before',
  },
  DB_NO_COLUMN: {
    level: 'error',
    meaning: 'A declared column does not exist (any more).',
    shows: 'before',
  },
  DB_NEW_COLUMN: {
    level: 'error',
    meaning: 'The table has a column that is not declared, and `undeclared` is "freeze".',
    shows: 'before',
  },
  DB_TYPE_CHANGED: {
    level: 'error',
    meaning: "A column's type does not fit into the declared one.",
    shows: 'before',
  },
  DB_QUERY: { level: 'error', meaning: '`query` is not valid (MySQL).', shows: 'before' },
  DB_STATEMENT: {
    level: 'error',
    meaning: 'The database cannot run the statement (PostgreSQL): `query`, or a value that a cast refuses.',
    shows: 'before',
  },
  DB_VALUE: { level: 'error', meaning: 'A declared value is none that the database knows.', shows: 'before' },
  DB_CURSOR_NO_INDEX: {
    level: 'warning',
    meaning: 'No index begins with the cursor: every run reads (and sorts) the whole table.',
    shows: 'before',
  },
  DB_CURSOR_NULLABLE: { level: 'warning', meaning: 'The cursor may be null.', shows: 'before' },
  DB_CURSOR_NULL: {
    level: 'error',
    meaning: 'Rows have a cursor that is null or no value: they would never be read.',
    shows: 'before',
  },
  DB_CURSOR_VALUE: {
    level: 'error',
    meaning: 'A row has a cursor or key that is infinite or too large.',
    shows: 'before',
  },
  DB_CURSOR_ZONE: {
    level: 'warning',
    meaning: 'The cursor is a time without a zone.',
    shows: 'before',
  },
  DB_KEY_NOT_UNIQUE: {
    level: 'warning',
    meaning: 'No unique index says that the key identifies a row; an error where a cursor is followed.',
    shows: 'before',
  },
  DB_KEY_NULLABLE: { level: 'warning', meaning: 'A column of the key may be null.', shows: 'before' },
  DB_KEY_NULL: { level: 'error', meaning: 'Rows have a key that is null.', shows: 'before' },
  DB_NO_HORIZON: {
    level: 'error',
    meaning: 'The role may not see the open transactions of others, or the cursor does not grow with time.',
    shows: 'before',
  },
  DB_HELD_BACK: {
    level: 'warning',
    meaning: 'A transaction has been open for more than an hour: rows behind it wait for its end.',
    shows: 'before',
  },
  DB_STANDBY: {
    level: 'error',
    meaning: 'The server is a replica, and the cursor needs the primary.',
    shows: 'before',
  },
  DB_NO_TRANSACTIONS: {
    level: 'warning',
    meaning: 'The engine of the table has no transactions (MySQL).',
    shows: 'before',
  },
  DB_NO_MARK: {
    level: 'error',
    meaning: 'The role may not set `changeLog.processed`.',
    shows: 'before',
  },
  DB_NOT_MARKED: {
    level: 'error',
    meaning: 'An entry that was set to processed is not.',
    shows: 'while reading',
  },
  DB_IDS_OUT_OF_ORDER: {
    level: 'error',
    meaning: 'Ids of the change log are not unique.',
    shows: 'while reading',
  },
  DB_HORIZON_MEMORY: {
    level: 'error',
    meaning: 'What was kept with the checkpoint cannot be read.',
    shows: 'while reading',
  },
  DELETES_HELD_BACK: {
    level: 'error',
    meaning:
      'More rows would be marked as deleted at once than `holdBackAbove` allows, or the table is empty.',
    shows: 'while reading',
  },
  DELETES_TOO_MANY: {
    level: 'error',
    meaning: 'Deletes could not be put together within the time of one run.',
    shows: 'while reading',
  },
  DELETES_TOO_MANY_FILES: {
    level: 'error',
    meaning: 'Deletes fall into more than 1,000 partitions.',
    shows: 'while reading',
  },
  KEYS_NOT_COMPARABLE: {
    level: 'error',
    meaning: 'The lake has keys that are no values of the types that are declared now.',
    shows: 'while reading',
  },
  STAGED_KEYS_VANISHED: {
    level: 'error',
    meaning: 'A key file under `landing/keys/` is gone.',
    shows: 'while reading',
  },
  UNREADABLE_INVENTORY: {
    level: 'error',
    meaning: 'What is under `landing/keys/` was written by another version of Headgate.',
    shows: 'while reading',
  },
  DB_TIMEOUT: {
    level: 'error',
    meaning: 'A statement took too long; a warning where only a first row was asked for.',
    shows: 'before',
  },
  DB_COUNT_DIFFERS: {
    level: 'error',
    meaning:
      'Fewer or more rows were read than the database counts in the same snapshot; nothing of them landed.',
    shows: 'while reading',
  },
  DB_BUSY: { level: 'error', meaning: 'The database ended the statement; it is repeated.', shows: 'before' },
  DB_ERROR: { level: 'error', meaning: 'An error of MySQL that may pass.', shows: 'before' },
  DB_FAILED: { level: 'error', meaning: 'The database itself failed; its log says more.', shows: 'before' },
  DB_PROTOCOL: {
    level: 'error',
    meaning: 'The database sent something else than rows.',
    shows: 'while reading',
  },
  PULL_UNREACHABLE: { level: 'error', meaning: 'The API does not answer.', shows: 'before' },
  PULL_TIMEOUT: { level: 'error', meaning: 'The API did not answer in time.', shows: 'before' },
  PULL_URL_REFUSED: {
    level: 'error',
    meaning: 'The URL must not be read: no https, or an address that is private or of a metadata service.',
    shows: 'before',
  },
  PULL_CERTIFICATE: {
    level: 'error',
    meaning: 'The certificate of the API is not accepted.',
    shows: 'before',
  },
  PULL_REDIRECT: { level: 'error', meaning: 'A redirect leads where it must not.', shows: 'before' },
  PULL_REFUSED: {
    level: 'error',
    meaning: 'The API refuses the request; its status and the advice are in the message.',
    shows: 'before',
  },
  PULL_RATE_LIMITED: {
    level: 'warning',
    meaning: 'The API, or `apiBudget`, asks for more patience than there is.',
    shows: 'before',
  },
  PULL_BUSY: { level: 'error', meaning: 'The API is out of order at the moment.', shows: 'before' },
  PULL_ENCODING: { level: 'error', meaning: 'The answer is encoded in an unknown way.', shows: 'before' },
  PULL_TOO_LARGE: { level: 'error', meaning: 'An answer is too large.', shows: 'before' },
  PULL_NOT_JSON: { level: 'error', meaning: 'The answer is not JSON.', shows: 'before' },
  PULL_NO_RECORDS: { level: 'error', meaning: 'There is no array at `recordsPath`.', shows: 'before' },
  PULL_NO_CURSOR: {
    level: 'error',
    meaning: 'No record has a value at `incremental.cursor`.',
    shows: 'before',
  },
  PULL_NOT_ASCENDING: {
    level: 'error',
    meaning: 'Records are not in the order that `incremental.order` declares.',
    shows: 'before',
  },
  PULL_NO_NEXT: {
    level: 'error',
    meaning: 'The answer says that there are more pages, and names none.',
    shows: 'before',
  },
  PULL_PAGE_SIZE: {
    level: 'error',
    meaning: 'Pages are smaller than `paginator.size`, and not the last.',
    shows: 'before',
  },
  PULL_LOOP: {
    level: 'error',
    meaning: 'A page leads to itself, or the API ignores the page parameter.',
    shows: 'before',
  },
  PULL_LINK: { level: 'error', meaning: 'The next page is on another origin.', shows: 'before' },
  PULL_TOKEN_TOO_LONG: {
    level: 'error',
    meaning: 'The name of the next page is too long to be kept.',
    shows: 'before',
  },
  PULL_NO_PARENT_FIELD: {
    level: 'error',
    meaning: 'A parent lacks a field that its records are asked for by.',
    shows: 'before',
  },
  PULL_PARENT_FIELD_TAKEN: {
    level: 'error',
    meaning: 'Records have a field of their own that `parent.include` would add.',
    shows: 'before',
  },
  BAD_CURSOR: {
    level: 'error',
    meaning: 'The contract does not say how the cursor compares.',
    shows: 'before',
  },
  TOKEN_REFUSED: { level: 'error', meaning: 'The provider of tokens refuses.', shows: 'before' },
  TOKEN_BUSY: {
    level: 'error',
    meaning: 'Another run is renewing the token.',
    shows: 'while reading',
  },
  TOKEN_NOT_SPENT: {
    level: 'warning',
    meaning: 'Not checked: it would have used the refresh token, which may be good for one use only.',
    shows: 'before',
  },
  NO_FOLDER: { level: 'error', meaning: 'The folder of `location` is not there.', shows: 'before' },
  NO_SIZE: { level: 'error', meaning: 'A web server does not say how large a file is.', shows: 'before' },
  HTTP_FAILED: { level: 'error', meaning: 'A web server with files does not answer.', shows: 'before' },
  HTTP_REFUSED: { level: 'error', meaning: 'A web server with files refuses.', shows: 'before' },
  OBJECT_NONE: {
    level: 'warning',
    meaning: 'No object matches `pattern` (yet).',
    shows: 'before',
  },
  OBJECT_UNREADABLE: {
    level: 'error',
    meaning: 'An object is damaged, or not what `format` and `compression` say.',
    shows: 'before',
  },
  OBJECT_ARCHIVED: { level: 'error', meaning: 'An object is in an archive of S3.', shows: 'before' },
  OBJECT_GONE: {
    level: 'warning',
    meaning: 'An object was replaced or deleted while it was looked at.',
    shows: 'before',
  },
  OBJECT_CUT_OFF: {
    level: 'error',
    meaning: 'Reading an object broke off again and again.',
    shows: 'before',
  },
  OBJECT_REREAD_TIMEOUT: {
    level: 'error',
    meaning: 'A compressed object is too large to be read on.',
    shows: 'while reading',
  },
  OBJECT_TOO_SLOW: {
    level: 'error',
    meaning: 'A run was over before the first record of an object was read.',
    shows: 'while reading',
  },
  PARQUET_FAILED: { level: 'error', meaning: 'A row group could not be read.', shows: 'before' },
  SCRATCH_FULL: {
    level: 'error',
    meaning: 'A row group is larger than the scratch space.',
    shows: 'before',
  },
  SAMPLE_EMPTY: {
    level: 'warning',
    meaning: 'There was no record to compare with the contract.',
    shows: 'before',
  },
  SAMPLE_REFUSED: {
    level: 'error',
    meaning: 'No record that was looked at meets the contract: all would go to quarantine.',
    shows: 'before',
  },
  SAMPLE_VIOLATION: {
    level: 'warning',
    meaning: 'Some records that were looked at violate the contract: they would go to quarantine.',
    shows: 'before',
  },
  SAMPLE_FIELD_ABSENT: {
    level: 'warning',
    meaning: 'A field of the contract is in no record that was looked at.',
    shows: 'before',
  },
  PARAMETER_MISSING: {
    level: 'error',
    meaning: 'An SSM parameter is not set; the message has the command that sets it.',
    shows: 'before',
  },
  PARAMETER_EMPTY: {
    level: 'error',
    meaning: 'An SSM parameter holds nothing but white space.',
    shows: 'before',
  },
  ACCESS_DENIED: {
    level: 'warning',
    meaning: 'AWS refuses this to the credentials at hand; nothing is known of those of the function.',
    shows: 'before',
  },
  RESOURCE_MISSING: { level: 'error', meaning: 'The bucket does not exist.', shows: 'before' },
  CREDENTIALS_INVALID: {
    level: 'error',
    meaning: 'There are no credentials of AWS, or they are not valid.',
    shows: 'before',
  },
  REGION_MISSING: { level: 'error', meaning: 'No region of AWS is set.', shows: 'before' },
  CLOCK_WRONG: { level: 'error', meaning: 'The clock of this machine is off.', shows: 'before' },
  KMS_KEY_UNUSABLE: {
    level: 'error',
    meaning: 'The KMS key of a bucket or parameter cannot be used.',
    shows: 'before',
  },
  AWS_UNAVAILABLE: { level: 'error', meaning: 'AWS does not answer.', shows: 'before' },
  CHECK_TIMEOUT: {
    level: 'error',
    meaning: 'The check was not over in time; `--deadline` gives it more.',
    shows: 'before',
  },
  CHECK_FAILED: { level: 'error', meaning: 'The check itself failed.', shows: 'before' },
} as const satisfies Readonly<Record<string, SourceProblem>>;
