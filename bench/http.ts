import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { HttpOutput } from './http/http-case.ts';
import { PAGE_RECORDS, startPagedApi, type ImposedLimit, type PagedApi } from './http/paged-api.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import { describeMachine, rounded, verdict } from './report.ts';

/** Windows are short so that several fit into a measurement; the share does not depend on their length but for their ends. */
const LIMIT: ImposedLimit = { requests: 200, windowSeconds: 5 };
const LIMITED_PAGES = 7 * LIMIT.requests;

/** What must hold. */
const TARGETS = { shareOfLimit: 0.95, rssMB: 512 } as const;

/**
 * Reads an API on this machine through the engine into Parquet files, page by page: as fast as it goes, and one that
 * limits its rate.
 *
 * @returns whether the targets are met
 */
export async function benchHttp({
  json,
  pages,
}: {
  readonly json: boolean;
  readonly pages: number;
}): Promise<boolean> {
  const free = await measure(pages);
  const limited = await measure(LIMITED_PAGES, LIMIT);
  const shareOfLimit = shareOf(limited.api);
  const { seconds, cpuSeconds, rssMB, landed } = free.output;
  const goals = {
    shareOfLimit: shareOfLimit >= TARGETS.shareOfLimit,
    rssMB: rssMB.peak <= TARGETS.rssMB,
  };
  if (json) {
    console.log(
      JSON.stringify({
        pages: free.output.pages,
        recordsPerPage: PAGE_RECORDS,
        pagesPerS: rounded(free.output.pages / seconds, 1),
        recordsPerS: Math.round(landed / seconds),
        cpuMsPerPage: rounded((cpuSeconds * 1000) / free.output.pages, 2),
        rssMBAtPage1000: Math.round(rssMB.first),
        rssMBAtEnd: Math.round(rssMB.last),
        rssMBPeak: Math.round(rssMB.peak),
        limitPagesPerS: LIMIT.requests / LIMIT.windowSeconds,
        shareOfLimit: rounded(shareOfLimit, 3),
        refused: limited.api.refused(),
      }),
    );
    return Object.values(goals).every(Boolean);
  }
  const table = new Table({
    head: ['', 'pages/s', 'CPU ms per page', 'MB at page 1,000', 'MB at the end', 'peak MB'],
  });
  table.push([
    `${free.output.pages.toLocaleString('en')} pages`,
    rounded(free.output.pages / seconds, 1),
    rounded((cpuSeconds * 1000) / free.output.pages, 2),
    Math.round(rssMB.first),
    Math.round(rssMB.last),
    Math.round(rssMB.peak),
  ]);
  console.log(describeMachine());
  console.log(table.toString());
  console.log(
    verdict(goals.rssMB, `${String(Math.round(rssMB.peak))} MB at most (target ${String(TARGETS.rssMB)})`),
  );
  console.log(
    verdict(
      goals.shareOfLimit,
      `${String(rounded(shareOfLimit, 3))} of a limit of ${String(LIMIT.requests)} requests per ${String(LIMIT.windowSeconds)} s (target ${String(TARGETS.shareOfLimit)})`,
    ),
  );
  return Object.values(goals).every(Boolean);
}

async function measure(
  pages: number,
  limit?: ImposedLimit,
): Promise<{ readonly api: PagedApi; readonly output: HttpOutput }> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-bench-http-'));
  const api = await startPagedApi(pages, limit);
  const child = startMeasuring('http/http-case.ts', { origin: api.origin, folder });
  try {
    const output = await ask<HttpOutput>(child);
    const records = pages * (PAGE_RECORDS - 1) + 1;
    if (output.landed !== records)
      throw new Error(`${String(output.landed)} of ${String(records)} records landed`);
    return { api, output };
  } finally {
    endMeasuring([child]);
    await api.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What was used of the limit in all windows but the first and the last, which are not whole. */
function shareOf({ pagesByWindow }: PagedApi): number {
  const windows = [...pagesByWindow.keys()];
  const first = Math.min(...windows) + 1;
  const last = Math.max(...windows);
  let used = 0;
  for (let window = first; window < last; window++) used += pagesByWindow.get(window) ?? 0;
  return used / ((last - first) * LIMIT.requests);
}
