import { randomBytes } from 'node:crypto';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { toTableSettings } from '../../shared/adapters/database/table-settings.ts';
import { DuckDbColumnWriter } from '../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbSession } from '../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { PostgresTableSource } from '../../shared/adapters/postgres/postgres-table-source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import { createTableReader } from '../../shared/pipeline/table/create-table-reader.ts';
import { declareTable } from '../../test/support/declare-table.ts';
import { noRowKeys } from '../../test/support/no-row-keys.ts';
import { answerMeasurements, measuringInput } from '../measuring-process.ts';
import { FolderFileStage, FolderLake } from './folder-stores.ts';
import { ORDER_COLUMNS, ORDERS } from './orders-table.ts';

/** What a measuring process is started with. */
interface PullInput {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where the lake is. */
  readonly folder: string;
}

/** What one extract of the table has taken. */
export interface PullOutput {
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Peak of the process, all of Node included. */
  readonly rssMB: number;
}

const HOUR_MS = 3_600_000;

/** Reads the whole table, as the function does, into a lake in a folder; ledger and decisions are in memory. */
async function pull({ port, user, password, folder }: PullInput): Promise<PullOutput> {
  const source = declareTable(ORDER_COLUMNS, {
    key: ['id'],
    table: `public.${ORDERS}`,
    connection: {
      ...{
        host: '127.0.0.1',
        port,
        database: 'postgres',
        user,
        password: { parameter: '/bench' },
        tls: 'off',
      },
    },
  });
  const session = new DuckDbSession();
  const table = new PostgresTableSource(toTableSettings(source), {
    clock: systemClock,
    parameters: { get: () => Promise.resolve(password) },
    createToken: () => Promise.reject(new Error('no token was asked for')),
  });
  const telemetry = new MemoryTelemetry();
  const newToken = (): string => randomBytes(9).toString('base64url');
  const deadlineMs = systemClock.nowMs() + HOUR_MS;
  const ledger = new MemoryLedgerStore();
  const reader = createTableReader({
    ...{ source, table, telemetry, newToken, deadlineMs, ledger },
    keys: noRowKeys,
    columns: new DuckDbColumnWriter(session),
    stage: new MemoryBatchStage(),
    files: new FolderFileStage(`${folder}/landing`),
    clock: systemClock,
  });
  const land = {
    ledger,
    claimLog: new MemoryClaimLog({ clock: systemClock }),
    claimCache: createClaimCache(),
    lake: new FolderLake(folder),
    tables: new DuckDbTableWriter(session),
    clock: systemClock,
    ...{ telemetry, newToken, sources: new Map([[source.name, source]]), configVersion: 'bench' },
  };
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const { finished, counts } = await runLane(land, reader, { owner: 'bench', deadlineMs });
  const seconds = (performance.now() - startedAt) / 1000;
  const { user: userMicros, system } = process.cpuUsage(before);
  await table.close();
  await session.close();
  const count = counts.get(source.name);
  if (!finished || count === undefined) throw new Error('the extract did not land');
  return {
    rows: count.landed,
    files: count.files,
    bytes: count.bytes,
    seconds,
    cpuSeconds: (userMicros + system) / 1e6,
    // Kilobytes on Linux and macOS alike, as Node gives it.
    rssMB: process.resourceUsage().maxRSS / 1024,
  };
}

answerMeasurements(
  () => pull(measuringInput() as PullInput),
  () => Promise.resolve(),
);
