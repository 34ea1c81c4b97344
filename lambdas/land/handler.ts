import { config, validators } from 'headgate:bundle';
import { createS3Client } from '../../shared/adapters/aws/clients.ts';
import { S3BatchStage } from '../../shared/adapters/aws/s3-batch-stage.ts';
import { S3LandingZone } from '../../shared/adapters/aws/s3-landing-zone.ts';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { landEnv, readEnv } from '../../shared/config/env.ts';
import { createManifestCache } from '../../shared/pipeline/landing/manifests.ts';
import { createLandDeps } from '../composition/create-land-deps.ts';
import { createHandler } from './create-handler.ts';

const env = readEnv(landEnv, process.env);
const meter = new UsageMeter();
const deps = createLandDeps('land', env, config, compileSources(config, validators), meter);
const s3 = createS3Client({ meter });

export const handler = createHandler({
  ...deps,
  zone: new S3LandingZone({ s3, bucket: env.LAKE_BUCKET, clock: deps.clock }),
  stage: new S3BatchStage({ s3, bucket: env.LAKE_BUCKET }),
  manifestCache: createManifestCache(),
  random: Math.random,
});
