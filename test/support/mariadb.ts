import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe } from 'vitest';

const run = promisify(execFile);

const MARIADBD = ['/usr/sbin/mariadbd', '/usr/local/sbin/mariadbd', '/usr/bin/mariadbd'].find((path) =>
  existsSync(path),
);
const PREPARED = resolve('.headgate/mariadb');
const START_TIMEOUT_MS = 30_000;

/** A MariaDB server of the tests' own, on 127.0.0.1. */
export interface TestMariadb {
  /** Its certificate is for this name. */
  readonly host: 'localhost';
  readonly port: number;
  /** Certificate authority (PEM) of its certificate. */
  readonly ca: string;
  /** A connection as an administrator. It is closed with the server. */
  connect(database?: string): Promise<Connection>;
  /** Ends the server as `kill -9` would and starts it again on the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface MariadbOptions {
  /** Time zone of the operating system, such as `America/New_York`. */
  readonly timeZone?: string;
  /** More options of the server. */
  readonly options?: readonly string[];
}

/**
 * Tests on a MariaDB server. Where it is not installed they are skipped with a message, but never on CI.
 *
 * @param define is given the server, which is there from `beforeAll` to `afterAll`
 */
export function describeOnMariadb(
  name: string,
  define: (server: () => TestMariadb) => void,
  options: MariadbOptions = {},
): void {
  if (MARIADBD === undefined && process.env['CI'] === undefined) {
    console.warn(`skipped, MariaDB is missing: sudo test/support/install-mariadb.sh (${name})`);
    describe.skip(name, () => {
      define(() => {
        throw new Error('MariaDB is missing');
      });
    });
    return;
  }
  describe(name, () => {
    let server: TestMariadb | undefined;
    beforeAll(async () => {
      server = await startMariadb(options);
    });
    afterAll(async () => {
      await server?.stop();
    });
    define(() => {
      if (server === undefined) throw new Error('the server is there from beforeAll to afterAll');
      return server;
    });
  });
}

/** Starts a server on a free port with an empty data directory; nothing that it writes survives it. */
async function startMariadb({ timeZone, options = [] }: MariadbOptions = {}): Promise<TestMariadb> {
  if (MARIADBD === undefined) throw new Error('MariaDB is missing: sudo test/support/install-mariadb.sh');
  const prepared = await prepare(MARIADBD);
  const directory = await mkdtemp(join(tmpdir(), 'headgate-mariadb-'));
  await cp(prepared, directory, { recursive: true });
  const port = await freePort();
  const ca = await readFile(join(directory, 'ca.pem'), 'utf8');
  const open: Connection[] = [];
  const connect = async (database?: string): Promise<Connection> => {
    const connection = await createConnection({
      socketPath: join(directory, 'socket'),
      user: 'root',
      multipleStatements: true,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      ...(database === undefined ? {} : { database }),
    });
    connection.on('error', () => undefined);
    open.push(connection);
    return connection;
  };

  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const log: string[] = [];
    server = spawn(
      MARIADBD,
      [
        '--no-defaults',
        `--datadir=${join(directory, 'data')}`,
        `--socket=${join(directory, 'socket')}`,
        `--pid-file=${join(directory, 'pid')}`,
        `--port=${String(port)}`,
        '--bind-address=127.0.0.1',
        ...(process.getuid?.() === 0 ? ['--user=root'] : []),
        `--ssl-ca=${join(directory, 'ca.pem')}`,
        `--ssl-cert=${join(directory, 'server.pem')}`,
        `--ssl-key=${join(directory, 'server.key')}`,
        // Nothing has to survive the machine.
        '--innodb-flush-log-at-trx-commit=2',
        '--innodb-flush-method=nosync',
        '--innodb-log-file-size=16M',
        '--innodb-buffer-pool-size=64M',
        '--skip-log-bin',
        '--character-set-server=utf8mb4',
        '--max-allowed-packet=64M',
        ...options,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: timeZone === undefined ? {} : { TZ: timeZone } },
    );
    server.stderr?.on('data', (bytes: Buffer) => log.push(bytes.toString()));
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        await (await connect()).query('SELECT 1');
        return;
      } catch (error) {
        if (server.exitCode !== null || Date.now() > deadline)
          throw new Error(`MariaDB did not start:\n${log.join('')}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const end = async (): Promise<void> => {
    for (const connection of open.splice(0)) connection.destroy();
    if (server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    host: 'localhost',
    port,
    ca,
    connect,
    restart: async () => {
      await end();
      await start();
    },
    stop: async () => {
      await end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A data directory and certificates as they are for a new server; made once per version, as that takes seconds. */
async function prepare(mariadbd: string): Promise<string> {
  const { stdout } = await run(mariadbd, ['--no-defaults', '--version']);
  const version = /Ver (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  const prepared = join(PREPARED, version);
  if (existsSync(prepared)) return prepared;
  await mkdir(PREPARED, { recursive: true });
  const making = await mkdtemp(join(PREPARED, 'making-'));
  await run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${join(making, 'data')}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--innodb-log-file-size=16M',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ]);
  await makeCertificates(making);
  try {
    await rename(making, prepared);
  } catch {
    // Another test process was faster.
    await rm(making, { recursive: true, force: true });
  }
  return prepared;
}

/** `ca.pem`, and `server.pem` with `server.key` for the host name "localhost" only. */
async function makeCertificates(directory: string): Promise<void> {
  const openssl = async (...parameters: string[]): Promise<void> => {
    await run('openssl', parameters, { cwd: directory });
  };
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '3650',
    '-subj',
    '/CN=ca',
  );
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  await writeFile(join(directory, 'names'), 'subjectAltName = DNS:localhost\n');
  await openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-out', 'server.pem', '-days', '3650', '-extfile', 'names'],
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
