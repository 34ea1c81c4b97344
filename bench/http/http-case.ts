import { SILENT_TELEMETRY } from '../../shared/adapters/memory/silent-telemetry.ts';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { DuckDbTableWriter } from '../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { createHttpPullSource } from '../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../shared/adapters/http/send-request.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTokenStore } from '../../shared/adapters/memory/memory-token-store.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import { declareHttp } from '../../test/support/declare-http.ts';
import { answerMeasurements, measuringInput } from '../measuring-process.ts';
import { FolderBatchStage, FolderLake } from '../pull/folder-stores.ts';
import { START_MS } from './paged-api.ts';

/** What a measuring process is started with. */
interface HttpInput {
  readonly origin: string;
  /** Where the lake is. */
  readonly folder: string;
}

/** What one run over all pages has taken. */
export interface HttpOutput {
  readonly pages: number;
  readonly landed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the process after so many pages. */
  readonly rssMB: Readonly<Record<'first' | 'last' | 'peak', number>>;
}

/** Pages after which memory is looked at first: what stays has been made by then. */
const FIRST_LOOK_PAGES = 1_000;
const HOUR_MS = 3_600_000;
const MB = 1024 * 1024;
/** Reads the API to its end, as the function does, into a lake in a folder; ledger and claims are in memory. */
async function pull({ origin, folder }: HttpInput): Promise<HttpOutput> {
  const source = declareHttp({
    key: ['id', 'ts'],
    url: `${origin}/items`,
    allowPrivateNetwork: true,
    recordsPath: 'data',
    paginator: { type: 'cursor', parameter: 'offset', path: 'next' },
    rateLimit: {},
    incremental: { cursor: 'ts', parameter: 'since', initialValue: String(START_MS), order: 'ascending' },
  });
  const sender = createHttpSender();
  const api = createHttpPullSource({
    ...{ source, sender, clock: systemClock, telemetry: SILENT_TELEMETRY, random: Math.random },
    parameters: new MemoryParameterStore(),
    tokens: new MemoryTokenStore(),
  });
  let fetched = 0;
  const rssMB = { first: 0, last: 0, peak: 0 };
  const pages: PullSource = {
    async fetchPage(request) {
      const page = await api.fetchPage(request);
      fetched++;
      rssMB.last = process.memoryUsage.rss() / MB;
      if (fetched === FIRST_LOOK_PAGES) rssMB.first = rssMB.last;
      return page;
    },
  };
  const newToken = (): string => randomBytes(9).toString('base64url');
  const deadlineMs = systemClock.nowMs() + HOUR_MS;
  const stage = new FolderBatchStage(`${folder}/landing`);
  const tables = new DuckDbTableWriter();
  const reader = createPullReader({
    ...{ source, pages, stage, clock: systemClock, telemetry: SILENT_TELEMETRY, deadlineMs },
  });
  const land = {
    ledger: new MemoryLedgerStore(),
    claimLog: new MemoryClaimLog({ clock: systemClock }),
    claimCache: createClaimCache(),
    lake: new FolderLake(folder),
    ...{ tables, clock: systemClock, telemetry: SILENT_TELEMETRY, newToken, configVersion: 'bench' },
    sources: new Map([[source.name, source]]),
  };
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const { finished, counts } = await runLane(land, reader, { owner: 'bench', deadlineMs });
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  await tables.close();
  sender.close();
  if (!finished) throw new Error('the API was not read to its end');
  rssMB.peak = process.resourceUsage().maxRSS / 1024;
  const landed = counts.get(source.name)?.landed ?? 0;
  return { pages: fetched, landed, seconds, cpuSeconds: (user + system) / 1e6, rssMB };
}

answerMeasurements(
  () => pull(measuringInput() as HttpInput),
  () => Promise.resolve(),
);
