import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { projectDir } from '../cloud/paths.ts';
import { queryLake } from '../shared/adapters/duckdb/query-lake.ts';
import { checkLake } from './check-lake.ts';
import { compileSources, listProblems } from './compile-report.ts';
import type { DemoOptions } from './demo-options.ts';
import config from './headgate.config.ts';
import { land, pull, PULLED, push, waitUntilLanded } from './ingest.ts';
import { measureCost } from './measure-cost.ts';
import { replaceFolder } from './replace-folder.ts';
import type { DemoReport } from './report.ts';
import { setUp } from './set-up.ts';

const toQuery = (table: string): string =>
  `SELECT origin || '-' || destination AS route, count(*) AS flights, round(avg(delay), 1) AS minutes_late,
  max(delay) AS worst FROM ${table} GROUP BY 1 ORDER BY 2 DESC LIMIT 5`.replaceAll(/\s+/g, ' ');

/**
 * The whole demo: starts the embedded cloud, deploys Headgate to it, pushes and pulls real data, waits until it has
 * landed and checks the lake from S3 alone. It stops everything it has started, whatever happens.
 *
 * @throws Error when a step fails; that the lake does not hold what was sent is in the report's `problems`
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { progress, lakeFolder } = options;
  const startMs = performance.now();
  await using stack = new AsyncDisposableStack();
  const stage = await setUp(options, stack);
  const abort = new AbortController();
  void stage.cloud.died.then((problem) => {
    abort.abort(problem);
  });
  const signal = AbortSignal.any([options.signal, abort.signal]);

  const ingestStartMs = performance.now();
  const pushed = await push(stage, progress, signal);
  const scheduled = Promise.all([pull(stage), land(stage)]);
  // There is nothing to wait for when one of them has failed.
  scheduled.catch((error: unknown) => {
    abort.abort(error);
  });
  await Promise.all([scheduled, waitUntilLanded(stage, progress, signal)]);
  const ingestSeconds = (performance.now() - ingestStartMs) / 1000;

  const phase = progress.start('Checking the lake from S3 alone');
  try {
    const { data, api } = stage;
    // Copied beside its place and then moved there, so that a run in another shell never sees half a lake.
    await mkdir(dirname(lakeFolder), { recursive: true });
    const temporary = await mkdtemp(`${lakeFolder}-`);
    stack.defer(() => rm(temporary, { recursive: true, force: true }));
    const files = await stage.lake.copyTo(temporary);
    const pulled = data.expectations.get(PULLED);
    if (pulled !== undefined) pulled.sent = pulled.accepted = api.recordsServed;
    const check = await checkLake(temporary, files, data.expectations);
    const sources = compileSources(data.expectations, check, pushed);
    const problems = listProblems(data.expectations, check, sources);
    const { lines, usd } = await measureCost(stage, ingestSeconds);
    const rawBytes = [...sources.values()].reduce((sum, source) => sum + source.rawBytes, 0);
    const sql = toQuery('flights');
    const result = await queryLake(temporary, sql);
    await replaceFolder(temporary, lakeFolder);
    phase.done(problems.length === 0 ? 'all there, each once' : 'it is not what was sent');
    return {
      sources,
      problems,
      latencyMs: check.latencyMs,
      wallSeconds: Math.round((performance.now() - startMs) / 100) / 10,
      push: {
        records: [...pushed.totals.values()].reduce((sum, source) => sum + source.sent, 0),
        seconds: pushed.durationMs / 1000,
        requests: pushed.requests,
      },
      cost: { lines, usdPerGb: usd / (rawBytes / 1e9) },
      lakeFolder: relative(projectDir, lakeFolder),
      // The catalog's database has the deployment's name.
      query: { sql, athenaSql: toQuery(`${config.name.replaceAll('-', '_')}.flights`), result },
    };
  } catch (error) {
    phase.fail();
    throw error;
  }
}
