import { config, validators } from 'headgate:bundle';
import { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { readEnv, streamEnv } from '../../shared/config/env.ts';
import { createLaneCache } from '../../shared/pipeline/land.ts';
import { createLandDeps } from '../composition/create-land-deps.ts';
import { createHandler } from './create-handler.ts';

const env = readEnv(streamEnv, process.env);
const meter = new UsageMeter();

export const handler = createHandler({
  ...createLandDeps('stream', env, config, compileSources(config, validators), meter),
  laneCache: createLaneCache(),
  logShare: config.logs.share,
  sourceOfStream: env.SOURCE_STREAMS,
});
