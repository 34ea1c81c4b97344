/**
 * An operator who replays parked deliveries, as a process of its own that can be killed.
 *
 * usage: node operator.ts <key>… ; LAKE_BUCKET, CLAIMS_TABLE, LEDGER_TABLE and SOURCE_STREAMS as for the function
 */
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { createLandDeps } from '../../lambdas/composition/create-land-deps.ts';
import { createS3Client } from '../../shared/adapters/aws/clients.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { readEnv, streamEnv } from '../../shared/config/env.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import { replayDelivery } from '../../shared/pipeline/replay/replay-delivery.ts';
import config from './headgate.config.ts';

const RUN_MS = 60_000;

const env = readEnv(streamEnv, process.env);
const s3 = createS3Client();
const deps = {
  ...createLandDeps('replay', env, config, compileSources(config, compileValidators(config))),
  sourceOfStream: env.SOURCE_STREAMS,
};
for (const key of process.argv.slice(2)) {
  const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: env.LAKE_BUCKET, Key: key }));
  const delivery = parseParkedDelivery((await body?.transformToByteArray()) ?? new Uint8Array());
  const options = { owner: randomUUID(), deadlineMs: Date.now() + RUN_MS, minAgeMs: 0 };
  const { finished } = await replayDelivery(deps, delivery, options);
  if (!finished) throw new Error(`${key} was not finished in time`);
}
