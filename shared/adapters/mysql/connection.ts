import { isIP, type Socket } from 'node:net';
import { createConnection, type Connection, type ConnectionOptions } from 'mysql2';
import { BlockedError } from '../../domain/errors.ts';
import type { ConnectionValues } from '../database/connection-values.ts';
import type { WireColumn } from './column-forms.ts';

const CONNECT_TIMEOUT_MS = 15_000;

/** Rows of an answer, every value as the database's own text. */
type TextRow = readonly (string | null)[];

/** Takes a row off the wire: `bytes[start … end]` holds its values, each with its length before it. */
type TakeRow = (bytes: Buffer, start: number, end: number) => void;

/** A connection whose session is set up: UTC, UTF-8, read-only. Errors are those of the driver. */
export interface MysqlConnection {
  readonly isMariadb: boolean;
  query(sql: string): Promise<readonly TextRow[]>;
  /** What an answer would look like. */
  columnsOf(sql: string): Promise<readonly WireColumn[]>;
  /** Gives each row of an answer to `take`, as it arrives. */
  stream(sql: string, take: TakeRow): Promise<void>;
  /** Stops and goes on reading from the network, so that memory holds no more than what was asked for. */
  pause(): void;
  resume(): void;
  /** Ends statements after so long; 0: no limit. */
  limitStatements(timeoutMs: number): Promise<void>;
  /** Whether the connection was lost or ended. */
  readonly closed: boolean;
  /** Ends it at once, with what runs on it. */
  destroy(): void;
  end(): Promise<void>;
}

/** What the driver's command for a query has beside its types: it is handed packet by packet. */
interface RowCommand {
  row: (packet: RowPacket, connection: unknown) => unknown;
  once(event: 'end', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
}

interface RowPacket {
  readonly buffer: Buffer;
  /** Behind the packet's header. */
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

/**
 * Opens a connection.
 *
 * @param timeoutMs until the server has said hello
 * @throws BlockedError `DB_TLS` when the certificate could not be checked; else the driver's errors
 */
export async function openConnection(
  values: ConnectionValues,
  { iam, timeoutMs }: { readonly iam: boolean; readonly timeoutMs: number },
): Promise<MysqlConnection> {
  if (values.tls && isIP(values.host) !== 0)
    throw new BlockedError(
      'DB_TLS',
      '`connection.host` is an address, and a certificate is checked against a name: use the host name of the database',
    );
  const connection = createConnection({
    ...toOptions(values, iam),
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
  });
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => {
      if (error === null) resolve();
      else {
        connection.destroy();
        reject(error);
      }
    });
  });
  try {
    const opened = wrap(connection);
    const [[version] = []] = await opened.query('SELECT VERSION()');
    const isMariadb = /mariadb/i.test(version ?? '');
    await opened.query(
      // `sql_mode` has nothing that changes how SQL is read; zero dates are read as they are.
      "SET time_zone = '+00:00', sql_mode = 'NO_ENGINE_SUBSTITUTION', autocommit = 1, sql_auto_is_null = 0, " +
        // Whoever reads slowly must not be cut off.
        'net_write_timeout = 3600, sql_select_limit = DEFAULT' +
        (isMariadb ? '' : ', information_schema_stats_expiry = 0'),
    );
    await opened.query('SET NAMES utf8mb4');
    await opened.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return wrap(connection, isMariadb);
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function toOptions(
  { host, port, database, user, password, ca, tls }: ConnectionValues,
  iam: boolean,
): ConnectionOptions {
  return {
    ...{ host, port, database, user, password },
    charset: 'UTF8MB4_GENERAL_CI',
    multipleStatements: false,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    // No code that is made at run time.
    disableEval: true,
    ...(tls
      ? {
          ssl: {
            rejectUnauthorized: true,
            verifyIdentity: true,
            minVersion: 'TLSv1.2',
            ...(ca === undefined ? {} : { ca }),
          },
        }
      : {}),
    // A token is sent as it is. The configuration allows that over TLS only; see `openConnection`.
    ...(iam && tls
      ? { authPlugins: { mysql_clear_password: () => () => Buffer.from(`${password}\0`) } }
      : {}),
  };
}

function wrap(connection: Connection, isMariadb = false): MysqlConnection {
  // The driver does not tell all commands when an encrypted connection ends, nor any when it is destroyed: they would wait
  // for ever.
  const socket = (connection as unknown as { readonly stream: Socket }).stream;
  const waiting = new Set<(error: Error) => void>();
  let closed = false;
  const lose = (): void => {
    closed = true;
    for (const reject of waiting) reject(new Error('the connection was lost'));
    waiting.clear();
  };
  // Without a listener a connection that is lost between two statements would end the process.
  connection.on('error', () => undefined);
  socket.once('end', () => socket.destroy());
  socket.once('close', lose);
  /** What a command answers, or the loss of the connection. */
  const answer = <Result>(
    ask: (resolve: (result: Result) => void, reject: (error: Error) => void) => void,
  ): Promise<Result> =>
    new Promise<Result>((resolve, reject) => {
      if (closed) {
        reject(new Error('the connection was lost'));
        return;
      }
      waiting.add(reject);
      ask(
        (result) => {
          waiting.delete(reject);
          resolve(result);
        },
        (error) => {
          waiting.delete(reject);
          reject(error);
        },
      );
    });
  const query = (sql: string): Promise<readonly TextRow[]> =>
    answer((resolve, reject) => {
      connection.query(
        { sql, rowsAsArray: true, typeCast: (field) => field.string() },
        (error: Error | null, rows: unknown) => {
          if (error === null) resolve(Array.isArray(rows) ? (rows as TextRow[]) : []);
          else reject(error);
        },
      );
    });
  return {
    isMariadb,
    query,
    columnsOf: (sql) =>
      answer((resolve, reject) => {
        connection.query({ sql, rowsAsArray: true }, (error, _rows, fields) => {
          if (error === null) resolve((fields as unknown as DriverField[]).map(toWireColumn));
          else reject(error);
        });
      }),
    stream: (sql, take) =>
      answer((resolve, reject) => {
        streamRows(connection, sql, take).then(resolve, reject);
      }),
    pause: () => {
      connection.pause();
    },
    resume: () => {
      connection.resume();
    },
    limitStatements: async (timeoutMs) => {
      // Both know limits; MySQL that of a SELECT in milliseconds, MariaDB that of any statement in seconds.
      await query(
        isMariadb
          ? `SET max_statement_time = ${(timeoutMs / 1000).toFixed(3)}`
          : `SET max_execution_time = ${String(Math.ceil(timeoutMs))}`,
      );
    },
    get closed() {
      return closed;
    },
    destroy: () => {
      connection.destroy();
      // The driver says good-bye first, and one that does not read does not get to it.
      socket.destroy();
      lose();
    },
    end: () =>
      new Promise((resolve) => {
        closed = true;
        connection.end(() => {
          resolve();
        });
      }),
  };
}

interface DriverField {
  readonly name: string;
  readonly columnType: number;
  readonly flags: number;
  readonly columnLength: number;
  readonly decimals: number;
  readonly characterSet: number;
  readonly extendedTypeName?: string;
}

function toWireColumn(field: DriverField): WireColumn {
  const { name, columnType, flags, columnLength, decimals, characterSet, extendedTypeName } = field;
  return {
    ...{ name, flags, decimals, characterSet },
    type: columnType,
    length: columnLength,
    extendedType: extendedTypeName,
  };
}

/**
 * The driver parses every row into an array or object, with an object per value on the way: several times the cost of all
 * else. Its command for queries hands each packet of a row to its method `row`, and what that returns is the next state;
 * so the packets are taken there. The version of the driver is pinned, and the conformance suite reads through this.
 */
function streamRows(connection: Connection, sql: string, take: TakeRow): Promise<void> {
  return new Promise((resolve, reject) => {
    const command = connection.query({ sql }) as unknown as RowCommand;
    const parse = command.row.bind(command);
    let failure: Error | undefined;
    const row = (packet: RowPacket, owner: unknown): unknown => {
      if (packet.isEOF()) return parse(packet, owner);
      if (failure === undefined) {
        try {
          take(packet.buffer, packet.offset, packet.end);
        } catch (error) {
          failure = error instanceof Error ? error : new Error(String(error));
          reject(failure);
        }
      }
      return row;
    };
    command.row = row;
    command.once('end', () => {
      if (failure === undefined) resolve();
    });
    command.once('error', reject);
  });
}
