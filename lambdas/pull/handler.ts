import { config, validators } from 'headgate:bundle';
import { createSsmClient } from '../../shared/adapters/aws/clients.ts';
import { SsmParameterStore } from '../../shared/adapters/aws/ssm-parameter-store.ts';
import { createHttpPullSource } from '../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../shared/adapters/http/send-request.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { pullEnv, readEnv } from '../../shared/config/env.ts';
import { createLandDeps } from '../composition/create-land-deps.ts';
import { createHandler } from './create-handler.ts';

const deps = createLandDeps(
  'pull',
  readEnv(pullEnv, process.env),
  config,
  compileSources(config, validators),
);

const sender = createHttpSender();
const parameters = new SsmParameterStore({ ssm: createSsmClient(), clock: deps.clock });

export const handler = createHandler({
  ...deps,
  openSource: ({ name, config: source }) =>
    createHttpPullSource({ ...deps, name, config: source, sender, parameters, random: Math.random }),
});
