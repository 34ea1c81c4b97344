import { BlockedError, HeadgateError, TransientError } from '../../domain/errors.ts';
import { connectionLost, timedOut } from '../database/table-failures.ts';

/** What an error of the database is about. */
export interface ErrorContext {
  /** For people, such as `the table shop.orders`. */
  readonly relation: string;
  /** `host:port` */
  readonly address: string;
  readonly user: string;
}

type Row = readonly [code: string, advice: (context: ErrorContext) => string] | 'retry' | 'lost' | 'time-out';

const login: Row = [
  'DB_LOGIN',
  ({ address, user }) =>
    `${address} refuses the user "${user}": check \`connection.user\` and the secret that \`connection.password\` names ` +
    '(for auth: "iam": the policy rds-db:connect and AWSAuthenticationPlugin)',
];

const permission: Row = [
  'DB_PERMISSION',
  ({ relation, user }) =>
    `the user "${user}" may not do this with ${relation}: GRANT SELECT (and UPDATE on the column \`changeLog.processed\`, ` +
    'where it is set) to it',
];

const noTable: Row = [
  'DB_NO_TABLE',
  ({ relation }) => `${relation} does not exist: check \`table\` (or \`query\`) and \`connection.database\``,
];

const noColumn: Row = [
  'DB_NO_COLUMN',
  ({ relation }) => `a column of ${relation} does not exist: check \`query\`, \`columns\` and \`key\``,
];

const badSql: Row = [
  'DB_QUERY',
  () =>
    '`query` is not valid: it has to be one SELECT without ORDER BY, LIMIT and semicolon, with distinct names',
];

/**
 * By error number. What is not here is retried: a source that goes on failing pauses itself.
 * https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html, https://mariadb.com/kb/en/mariadb-error-codes/
 */
const BY_NUMBER: Readonly<Record<number, Row>> = {
  1044: permission, // ER_DBACCESS_DENIED_ERROR
  1045: login, // ER_ACCESS_DENIED_ERROR
  1698: login, // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  1130: login, // ER_HOST_NOT_PRIVILEGED
  1251: login, // ER_NOT_SUPPORTED_AUTH_MODE
  1820: login, // ER_MUST_CHANGE_PASSWORD
  1862: login, // ER_MUST_CHANGE_PASSWORD_LOGIN
  3118: login, // ER_ACCOUNT_HAS_BEEN_LOCKED
  4151: login, // MariaDB: ER_ACCOUNT_HAS_BEEN_LOCKED
  3159: [
    'DB_LOGIN',
    () => 'the server takes encrypted connections only: set `connection.tls` to "verify-full"', // ER_SECURE_TRANSPORT_REQUIRED
  ],
  1142: permission, // ER_TABLEACCESS_DENIED_ERROR
  1143: permission, // ER_COLUMNACCESS_DENIED_ERROR
  1227: permission, // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1356: permission, // ER_VIEW_INVALID: of a view whose definer may not read, or whose table is gone
  1370: permission, // ER_PROCACCESS_DENIED_ERROR
  1049: noTable, // ER_BAD_DB_ERROR
  1051: noTable, // ER_BAD_TABLE_ERROR
  1146: noTable, // ER_NO_SUCH_TABLE
  1054: noColumn, // ER_BAD_FIELD_ERROR
  1060: badSql, // ER_DUP_FIELDNAME
  1064: badSql, // ER_PARSE_ERROR
  1149: badSql, // ER_SYNTAX_ERROR
  1040: 'retry', // ER_CON_COUNT_ERROR
  1203: 'retry', // ER_TOO_MANY_USER_CONNECTIONS
  1205: 'retry', // ER_LOCK_WAIT_TIMEOUT
  1213: 'retry', // ER_LOCK_DEADLOCK
  1053: 'lost', // ER_SERVER_SHUTDOWN
  1077: 'lost', // ER_NORMAL_SHUTDOWN
  1927: 'lost', // MariaDB: ER_CONNECTION_KILLED
  2006: 'lost', // CR_SERVER_GONE_ERROR
  2013: 'lost', // CR_SERVER_LOST
  4031: 'lost', // ER_CLIENT_INTERACTION_TIMEOUT
  1317: 'time-out', // ER_QUERY_INTERRUPTED
  1969: 'time-out', // MariaDB: ER_STATEMENT_TIMEOUT
  3024: 'time-out', // ER_QUERY_TIMEOUT
};

const TLS_CODES = /^(CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HANDSHAKE_|ERR_SSL_|HOSTNAME_)/;

/** Any error of the driver as one that knows what to do. */
export function translateError(error: unknown, context: ErrorContext): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const { errno, code, sqlMessage } = error as {
    readonly errno?: unknown;
    readonly code?: unknown;
    readonly sqlMessage?: unknown;
  };
  const row = typeof errno === 'number' && errno > 0 ? BY_NUMBER[errno] : undefined;
  const said = typeof sqlMessage === 'string' ? ` (error ${String(errno)})` : '';
  if (row !== undefined && typeof row === 'object')
    return new BlockedError(row[0], row[1](context) + said, { cause: error });
  if (row === 'time-out') return timedOut(`reading ${context.relation}`, error);
  if (row === 'retry' || (typeof sqlMessage === 'string' && row === undefined))
    return new TransientError('DB_ERROR', `${context.address} answered with an error that may pass${said}`, {
      cause: error,
    });
  if (typeof code === 'string' && TLS_CODES.test(code))
    return new BlockedError(
      'DB_TLS',
      `no verified connection to ${context.address} (${code}): its certificate has to be for the name in ` +
        '`connection.host` and from an authority in `connection.ca` (those of Node without it)',
      { cause: error },
    );
  return connectionLost(context.address, error);
}
