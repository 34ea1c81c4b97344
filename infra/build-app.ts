import type { App, Stack } from 'aws-cdk-lib/core';
import { leaveOutForEmbedded } from './embedded.ts';
import type { FunctionCode } from './bundling/function-code.ts';
import type { Deployment } from './deployment.ts';
import { planLandingSchedules } from '../shared/config/plan/landing-schedules.ts';
import {
  PULLING_LANES,
  pulledSources,
  receivedSources,
  streamedSources,
  streamSources,
} from '../shared/config/plan/lanes.ts';
import { ObservabilityStack } from './stacks/observability.ts';
import { LandingStack } from './stacks/landing.ts';
import { PullStack } from './stacks/pull.ts';
import { PushStack } from './stacks/push.ts';
import { StorageStack } from './stacks/storage.ts';
import { StreamStack } from './stacks/stream.ts';

/** Puts the stacks of a deployment into an app; a lane that no source uses is not there. */
export function buildApp(app: App, deployment: Deployment, code: FunctionCode): readonly Stack[] {
  const { config } = deployment;
  const storage = new StorageStack(app, deployment);
  const { stores } = storage;
  const usesStreams = streamedSources(config).length > 0 || streamSources(config).length > 0;
  const stream = usesStreams ? new StreamStack(app, deployment, stores, code) : undefined;
  const schedules = planLandingSchedules(config);
  const landing =
    schedules.length > 0 ? new LandingStack(app, deployment, stores, schedules, code) : undefined;
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
  const pulling = PULLING_LANES.filter((lane) => pulledSources(config, lane).length > 0).map(
    (lane) => new PullStack(app, deployment, stores, lane, code),
  );
  const observability = new ObservabilityStack(app, deployment, stores.key, {
    push,
    stream,
    landing,
    pulling,
  });
  if (deployment.embedded) leaveOutForEmbedded(app);
  return [storage, stream, landing, push, ...pulling, observability].filter((stack) => stack !== undefined);
}
