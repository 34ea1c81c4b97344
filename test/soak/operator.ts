/**
 * Replays everything that is parked, as one operator would; the soak runs two at once. What it works with is in its
 * environment; its last line is an `OperatorReport`.
 */
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { createLandDeps } from '../../lambdas/composition/create-land-deps.ts';
import { createS3Client } from '../../shared/adapters/aws/clients.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { loadConfig } from '../../shared/config/load-config.ts';
import { HeadgateError } from '../../shared/domain/errors.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import { replayDelivery, type ReplayDeliveryDeps } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { OperatorReport } from './redrive.ts';

const PREFIX = 'aws/lambda/';
const DOCUMENT_MS = 120_000;
const MAX_ATTEMPTS = 5;

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; this program is started by npm run soak`);
  return value;
}

const bucket = setting('DEAD_LETTER_BUCKET');
const config = await loadConfig(setting('SOAK_CONFIG'));
const env = {
  LAKE_BUCKET: setting('LAKE_BUCKET'),
  CLAIMS_TABLE: setting('CLAIMS_TABLE'),
  LEDGER_TABLE: setting('LEDGER_TABLE'),
};
const deps: ReplayDeliveryDeps = {
  ...createLandDeps('replay', env, config, compileSources(config, compileValidators(config))),
  telemetry: new MemoryTelemetry(),
  sourceOfStream: JSON.parse(setting('SOURCE_STREAMS')) as Record<string, string>,
};
const s3 = createS3Client();
const report: OperatorReport = { documents: 0, records: 0, alreadyLanded: 0, commits: 0 };
for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: PREFIX })) {
  for (const { Key: key } of page.Contents ?? []) {
    const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (body === undefined) throw new Error(`${String(key)} has no content`);
    const delivery = parseParkedDelivery(await body.transformToByteArray());
    const outcome = await replay(delivery);
    report.documents++;
    report.records += outcome.records;
    report.alreadyLanded += outcome.alreadyLanded;
    report.commits += outcome.commits;
  }
}
s3.destroy();
process.stdout.write(`${JSON.stringify(report)}\n`);

/** Tries again where a store fails: as an operator would. */
async function replay(delivery: Parameters<typeof replayDelivery>[1]): ReturnType<typeof replayDelivery> {
  for (let attempt = 1; ; attempt++) {
    try {
      // Documents are minutes old here, and functions that have outlived their time-out may still be at work.
      const outcome = await replayDelivery(deps, delivery, {
        owner: `operator ${String(process.pid)}`,
        deadlineMs: Date.now() + DOCUMENT_MS,
        minAgeMs: 0,
      });
      if (outcome.finished) return outcome;
      if (attempt === MAX_ATTEMPTS) throw new Error('a replay did not come to its end in time');
    } catch (error) {
      const mayPass = error instanceof HeadgateError && error.disposition !== 'reject';
      if (!mayPass || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
