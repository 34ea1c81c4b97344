import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createS3Client } from '../shared/adapters/aws/clients.ts';
import { copyLakeSample } from '../shared/adapters/aws/s3-lake-sample.ts';
import { readStackOutput } from '../shared/adapters/aws/stack-output.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { DuckDbRowSketches } from '../shared/adapters/duckdb/duckdb-row-sketches.ts';
import type { OpenRowSketches } from './plan/compare-contents.ts';

/** Of each source: with rows of a kilobyte, some 50,000 to 100,000. */
const MAX_BYTES = 16_000_000;
const MAX_FILES = 200;
/** Of all sources together. */
const MAX_MS = 5 * 60_000;

/** The newest rows of a deployment's sources: some files of each are copied to this machine, and removed when it is closed. */
export async function openRowSketches(name: string): Promise<OpenRowSketches> {
  const bucket = await readStackOutput(`${name}-storage`, 'LakeBucketName');
  const s3 = createS3Client();
  const nowMs = (): number => systemClock.nowMs();
  const deadlineMs = nowMs() + MAX_MS;
  const folder = await mkdtemp(join(tmpdir(), 'headgate-sample-'));
  const sketches = await DuckDbRowSketches.open((source) =>
    copyLakeSample({ s3, bucket, nowMs }, source, folder, {
      maxBytes: MAX_BYTES,
      maxFiles: MAX_FILES,
      deadlineMs,
    }),
  );
  return {
    sketches,
    close: async () => {
      sketches.close();
      s3.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
