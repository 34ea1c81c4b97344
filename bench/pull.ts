import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import Table from 'cli-table3';
import { installPythonPackage, type PythonPackage } from '../cloud/emulator/install-python-package.ts';
import { runCommand } from '../cloud/emulator/run-command.ts';
import { startPostgres, type TestPostgres } from '../test/support/postgres.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import { createOrders, ORDERS } from './pull/orders-table.ts';
import type { PullOutput } from './pull/pull-case.ts';
import { describeMachine, rounded, verdict } from './report.ts';

/** https://dlthub.com, with its backends for SQL databases. */
const DLT: PythonPackage = {
  name: 'dlt',
  version: '1.31.0',
  with: [
    'pyarrow==26.0.1',
    'sqlalchemy==2.1.9',
    'psycopg2-binary==2.9.13',
    'connectorx==0.4.6',
    'pandas==3.1.1',
  ],
  modules: ['dlt', 'pyarrow', 'sqlalchemy', 'psycopg2', 'connectorx', 'pandas'],
  otherwise: 'leave the comparison out with --no-dlt',
};
/** The backend of dlt that is the fastest here. */
const FASTEST = 'connectorx';
const DEFAULT = 'sqlalchemy';
const OTHERS = ['pyarrow', DEFAULT] as const;

/** What must hold. */
const TARGETS = { overDlt: 3, overFastestDlt: 1, overFloor: 0.3, rssMB: 512 } as const;

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMB: number;
}

interface PullOptions {
  readonly json: boolean;
  /** Measurements of what is fast; the median counts. What is slow is measured once. */
  readonly rounds: number;
  readonly rows: number;
  readonly dlt: boolean;
}

/**
 * Reads one table of a real PostgreSQL whole: by Headgate's reader through the engine into Parquet files, by `COPY` to
 * nowhere, and by dlt into Parquet files, one after the other.
 *
 * @returns whether the targets are met
 */
export async function benchPull({ json, rows, rounds, dlt }: PullOptions): Promise<boolean> {
  const say = (text: string): void => {
    if (!json) console.error(text);
  };
  const python = dlt
    ? await installPythonPackage(DLT, () => {
        say(`installing dlt ${DLT.version} …`);
      })
    : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'headgate-bench-pull-'));
  const server = await startPostgres({ shared_buffers: '256MB' });
  try {
    say(`making a table of ${String(rows)} rows …`);
    await createOrders(server, rows);
    // Into the memory of the operating system, for whoever is first.
    await copyToNowhere(server, rows);
    const floors: Floor[] = [];
    const pulls: PullOutput[] = [];
    const byBackend = new Map<string, Measured>();
    // In turn, so that what else the machine does disturbs all of them.
    const fastest: Measured[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${String(round)} of ${String(rounds)} …`);
      floors.push(await copyToNowhere(server, rows));
      pulls.push(await pullByHeadgate(server, join(folder, 'headgate')));
      if (python !== undefined) fastest.push(await pullByDlt(server, python, FASTEST, folder));
    }
    const floor = middle(floors);
    const headgate = { ...middle(pulls), rssMB: Math.max(...pulls.map(({ rssMB }) => rssMB)) };
    if (python !== undefined) {
      byBackend.set(FASTEST, middle(fastest));
      for (const backend of OTHERS) {
        say(`dlt, ${backend} …`);
        byBackend.set(backend, await pullByDlt(server, python, backend, folder));
      }
    }
    return report({ rows, json, floor, headgate, byBackend });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The measurement with the median time. */
function middle<Measurement extends { readonly seconds: number }>(
  measurements: readonly Measurement[],
): Measurement {
  const inOrder = [...measurements].sort((a, b) => a.seconds - b.seconds);
  const found = inOrder[Math.floor(inOrder.length / 2)];
  if (found === undefined) throw new Error('nothing was measured');
  return found;
}

interface Floor {
  readonly rows: number;
  readonly seconds: number;
  /** Of what PostgreSQL sends. */
  readonly bytes: number;
}

/** `COPY … TO STDOUT` by psql, to /dev/null. */
async function copyToNowhere(server: TestPostgres, rows: number): Promise<Floor> {
  const [size] = await server.run(
    `SELECT sum(length(orders::text) - 2)::text AS bytes FROM (SELECT * FROM ${ORDERS} LIMIT 10000) orders`,
  );
  const startedAt = performance.now();
  const { status, stderr } = await runCommand(
    'psql',
    [
      ...['-h', '127.0.0.1', '-p', String(server.port), '-U', server.user, '-d', 'postgres', '-X', '-q'],
      ...['-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-c', `COPY ${ORDERS} TO STDOUT`],
    ],
    { env: { ...process.env, PGPASSWORD: server.password, PGSSLMODE: 'disable' } },
  );
  if (status !== 0) {
    throw new Error(`psql could not read the table; install postgresql-client: ${stderr}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { rows, seconds, bytes: (Number(size?.['bytes']) / Math.min(rows, 10_000)) * rows };
}

async function pullByHeadgate(server: TestPostgres, folder: string): Promise<PullOutput> {
  const { port, user, password } = server;
  const child = startMeasuring('pull/pull-case.ts', { port, user, password, folder });
  try {
    return await ask<PullOutput>(child);
  } finally {
    endMeasuring([child]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function pullByDlt(
  { port, user, password }: TestPostgres,
  python: string,
  backend: string,
  parent: string,
): Promise<Measured> {
  const folder = join(parent, backend);
  const url = `postgresql+psycopg2://${user}:${encodeURIComponent(password)}@127.0.0.1:${String(port)}/postgres?sslmode=disable`;
  const script = fileURLToPath(new URL('pull/dlt-pull.py', import.meta.url));
  const { status, stdout, stderr } = await runCommand(python, [script, url, ORDERS, backend, folder], {
    env: { ...process.env, RUNTIME__DLTHUB_TELEMETRY: 'false', RUNTIME__LOG_LEVEL: 'ERROR' },
  });
  if (status !== 0) throw new Error(`dlt failed with the backend ${backend}:\n${stderr}`);
  await rm(folder, { recursive: true, force: true });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measured;
}

interface Results {
  readonly rows: number;
  readonly json: boolean;
  readonly floor: Floor;
  readonly headgate: PullOutput;
  readonly byBackend: ReadonlyMap<string, Measured>;
}

const perSecond = ({ rows, seconds }: Pick<Measured, 'rows' | 'seconds'>): number => rows / seconds;

function report({ rows, json, floor, headgate, byBackend }: Results): boolean {
  const all: Measured[] = [headgate, ...byBackend.values()];
  if (all.some((each) => each.rows !== rows)) throw new Error('not all rows were read');
  const rates = [...byBackend].map(([backend, measured]) => ({ backend, rate: perSecond(measured) }));
  const dlt = rates.find(({ backend }) => backend === DEFAULT);
  const fastest = [...rates].sort((a, b) => b.rate - a.rate)[0];
  const own = perSecond(headgate);
  const overFloor = own / perSecond(floor);
  const rowBytes = floor.bytes / rows;
  const goals = {
    overFloor: overFloor >= TARGETS.overFloor,
    rssMB: headgate.rssMB <= TARGETS.rssMB,
    overDlt: dlt === undefined || own / dlt.rate >= TARGETS.overDlt,
    overFastestDlt: fastest === undefined || own / fastest.rate >= TARGETS.overFastestDlt,
  };
  const isGood = Object.values(goals).every(Boolean);
  if (json) {
    console.log(
      JSON.stringify({
        rows,
        rowBytes: Math.round(rowBytes),
        headgateRowsPerS: Math.round(own),
        copyFloorRowsPerS: Math.round(perSecond(floor)),
        ...(dlt && { dltRowsPerS: Math.round(dlt.rate) }),
        ...(fastest && { dltFastestRowsPerS: Math.round(fastest.rate), dltFastest: fastest.backend }),
        rssMB: Math.round(headgate.rssMB),
        headgateMBPerS: rounded((own * rowBytes) / 1e6, 1),
        headgateRowsPerCpuS: Math.round(rows / headgate.cpuSeconds),
        overFloor: rounded(overFloor, 2),
        ...(dlt && { overDlt: rounded(own / dlt.rate, 2) }),
        ...(fastest && { overFastestDlt: rounded(own / fastest.rate, 2) }),
        dlt: Object.fromEntries(
          [...byBackend].map(([backend, { seconds, cpuSeconds, rssMB }]) => [
            backend,
            { seconds: rounded(seconds, 1), cpuSeconds: rounded(cpuSeconds, 1), rssMB: Math.round(rssMB) },
          ]),
        ),
      }),
    );
    return isGood;
  }
  const table = new Table({ head: ['', 'rows/s', 'MB/s', 'rows/CPU-s', 'peak MB'] });
  const row = (name: string, rate: number, measured?: Measured): void => {
    table.push([
      name,
      Math.round(rate).toLocaleString('en'),
      rounded((rate * rowBytes) / 1e6, 1),
      measured === undefined ? '' : Math.round(measured.rows / measured.cpuSeconds).toLocaleString('en'),
      measured === undefined ? '' : Math.round(measured.rssMB),
    ]);
  };
  row('Headgate: COPY → Parquet in the lake', own, headgate);
  row('floor: COPY → /dev/null (psql)', perSecond(floor));
  for (const [backend, measured] of byBackend)
    row(`dlt ${DLT.version}, ${backend}`, perSecond(measured), measured);
  console.log(describeMachine());
  console.log(`${rows.toLocaleString('en')} rows of ${String(Math.round(rowBytes))} bytes as text`);
  console.log(table.toString());
  console.log(
    verdict(
      goals.overFloor,
      `${String(rounded(overFloor, 2))} of the floor (target ${String(TARGETS.overFloor)})`,
    ),
  );
  if (dlt) {
    const times = own / dlt.rate;
    console.log(
      verdict(goals.overDlt, `${String(rounded(times, 1))} times dlt (target ${String(TARGETS.overDlt)})`),
    );
  }
  if (fastest) {
    const times = own / fastest.rate;
    console.log(
      verdict(
        goals.overFastestDlt,
        `${String(rounded(times, 1))} times dlt with ${fastest.backend} (target 1)`,
      ),
    );
  }
  console.log(
    verdict(
      goals.rssMB,
      `${String(Math.round(headgate.rssMB))} MB at most (target ${String(TARGETS.rssMB)})`,
    ),
  );
  return isGood;
}
