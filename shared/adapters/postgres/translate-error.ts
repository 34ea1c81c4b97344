import { BlockedError, HeadgateError, TransientError } from '../../domain/errors.ts';
import { connectionLost, timedOut } from '../database/table-failures.ts';

/** What a failure means, for messages. Values of rows and secrets are never part of it. */
export interface FailureContext {
  /** `host:port/database` */
  readonly address: string;
  readonly user: string;
  /** For people, such as `the table public.orders`. */
  readonly relation: string;
}

type Translate = (context: FailureContext, cause: unknown) => HeadgateError;

const login: Translate = ({ address, user }, cause) =>
  new BlockedError(
    'DB_LOGIN',
    `the database at ${address} refused the login of "${user}": check \`connection.user\`, the parameter of ` +
      '`connection.password` and, with auth "iam", that the role has rds_iam and the function may rds-db:connect',
    { cause },
  );

const permission: Translate = ({ user, relation }, cause) =>
  new BlockedError(
    'DB_PERMISSION',
    `the role "${user}" may not read ${relation}: GRANT USAGE ON SCHEMA and GRANT SELECT ON it to the role ` +
      '(a change log also needs GRANT UPDATE on its `processed` column); to hide columns, grant a view and name that',
    { cause },
  );

const noTable: Translate = ({ relation, user, address }, cause) =>
  new BlockedError(
    'DB_NO_TABLE',
    `${relation} does not exist in ${address}, or the role "${user}" has no USAGE on its schema: check \`table\` or ` +
      "`query`, with the schema, in the database's own upper and lower case",
    { cause },
  );

const noDatabase: Translate = ({ address }, cause) =>
  new BlockedError('DB_CONNECTION', `there is no database at ${address}; check \`connection.database\``, {
    cause,
  });

const timeout: Translate = ({ relation }, cause) => timedOut(`reading ${relation}`, cause);

const passing: Translate = ({ address }, cause) =>
  new TransientError('DB_BUSY', `the database at ${address} ended the statement; it is repeated`, { cause });

const unreachable: Translate = ({ address }, cause) => connectionLost(address, cause);

const statement: Translate = ({ relation }, cause) =>
  new BlockedError(
    'DB_STATEMENT',
    `the database cannot run the statement on ${relation}; check \`query\` and the types of \`columns\``,
    { cause },
  );

/** Whatever else the database says: bugs, full disks, corrupt pages. */
const failed: Translate = ({ address }, cause) =>
  new TransientError(
    'DB_FAILED',
    `the database at ${address} failed with SQLSTATE ${codeOf(cause)}; its log says more. It is tried again`,
    { cause },
  );

/**
 * SQLSTATE, or its class (two characters), → what it means. The longest entry counts. What is not here may pass: the
 * position stays and the read is repeated. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const BY_SQLSTATE: Readonly<Record<string, Translate>> = {
  '08': unreachable,
  // A value that a cast does not take, a division by zero in a view: it stays so.
  '22': statement,
  // A function that writes, in a read-only transaction.
  '25006': statement,
  '28': login,
  '3D000': noDatabase,
  '3F000': noTable,
  '40': passing,
  '42': statement,
  '42501': permission,
  '42P01': noTable,
  '53': passing,
  '55P03': passing,
  '57014': timeout,
  '57P': passing,
};

/** Codes of Node for a connection that was not made or is lost. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Codes of Node's TLS for a certificate that is not accepted. */
const CERTIFICATE = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/;

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Whether the login was refused: the password may have been rotated since it was read. */
export function isLoginFailure(error: unknown): boolean {
  return codeOf(error).startsWith('28');
}

/** What to do about an error of the driver or the database. */
export function translateError(error: unknown, context: FailureContext): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const code = codeOf(error);
  if (/^[0-9A-Z]{5}$/.test(code) && !NETWORK.has(code)) {
    const translate =
      BY_SQLSTATE[code] ?? BY_SQLSTATE[code.slice(0, 3)] ?? BY_SQLSTATE[code.slice(0, 2)] ?? failed;
    return withDatabaseText(translate(context, error), error);
  }
  if (CERTIFICATE.test(code))
    return new BlockedError(
      'DB_TLS',
      `the certificate of the database at ${context.address} is not accepted (${code}): put its authority into ` +
        "`connection.ca` (for RDS: its region's bundle), and name the host as the certificate does",
      { cause: error },
    );
  return connectionLost(context.address, error);
}

/** Adds what the database says, which names columns and functions but, unlike `detail`, no values of rows. */
function withDatabaseText(translated: HeadgateError, error: unknown): HeadgateError {
  if (translated.code !== 'DB_STATEMENT' || codeOf(error).startsWith('22')) return translated;
  const text = error instanceof Error ? error.message : '';
  return new BlockedError(translated.code, `${translated.message} (${text})`, { cause: error });
}
