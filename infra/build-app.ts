import type { App, Stack } from 'aws-cdk-lib/core';
import { leaveOutForEmbedded } from './embedded.ts';
import type { FunctionCode } from './bundling/function-code.ts';
import type { Deployment, DeploymentOptions } from './deployment.ts';
import { PULLING_LANES, receivedSources } from '../shared/config/plan/lanes.ts';
import { planResources } from '../shared/config/plan/plan-resources.ts';
import { ObservabilityStack } from './stacks/observability.ts';
import { LandingStack } from './stacks/landing.ts';
import { PullStack } from './stacks/pull.ts';
import { PushStack } from './stacks/push.ts';
import { StorageStack } from './stacks/storage.ts';
import { StreamStack } from './stacks/stream.ts';
import { WatchStack } from './stacks/watch.ts';

/** Puts the stacks of a deployment into an app; a lane that no source uses is not there. */
export function buildApp(app: App, options: DeploymentOptions, code: FunctionCode): readonly Stack[] {
  const plan = planResources(options.config);
  const { config } = plan;
  const deployment: Deployment = { ...options, config, plan };
  const storage = new StorageStack(app, deployment);
  const { stores } = storage;
  const stream = plan.streams.length > 0 ? new StreamStack(app, deployment, stores, code) : undefined;
  const landing = plan.landing.length > 0 ? new LandingStack(app, deployment, stores, code) : undefined;
  const push =
    receivedSources(config).length > 0
      ? new PushStack(
          app,
          deployment,
          stores,
          { ingest: stream?.ingest, usesLanding: landing !== undefined },
          code,
        )
      : undefined;
  const pulling = PULLING_LANES.filter((lane) => plan.reads.some((read) => read.lane === lane)).map(
    (lane) => new PullStack(app, deployment, stores, lane, code),
  );
  const watch = new WatchStack(app, deployment, stores, code);
  const observability = new ObservabilityStack(app, deployment, stores.key, {
    push,
    stream,
    landing,
    pulling,
    watch,
  });
  if (deployment.embedded) leaveOutForEmbedded(app);
  return [storage, stream, landing, push, ...pulling, watch, observability].filter(
    (stack) => stack !== undefined,
  );
}
