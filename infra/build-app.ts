import type { App, Stack } from 'aws-cdk-lib/core';
import { leaveOutForEmbedded } from './embedded.ts';
import type { FunctionCode } from './bundling/function-code.ts';
import type { Deployment } from './deployment.ts';
import { httpSources, receivedSources, streamSources } from './lanes.ts';
import { ObservabilityStack } from './stacks/observability.ts';
import { PullStack } from './stacks/pull.ts';
import { PushStack } from './stacks/push.ts';
import { StorageStack } from './stacks/storage.ts';
import { StreamStack } from './stacks/stream.ts';

/** Puts the stacks of a deployment into an app; a lane that no source uses is not there. */
export function buildApp(app: App, deployment: Deployment, code: FunctionCode): readonly Stack[] {
  const { config } = deployment;
  const pushed = receivedSources(config).length > 0;
  const storage = new StorageStack(app, deployment);
  const { stores } = storage;
  const stream =
    pushed || streamSources(config).length > 0 ? new StreamStack(app, deployment, stores, code) : undefined;
  const push =
    pushed && stream?.ingest !== undefined
      ? new PushStack(app, deployment, stores, stream.ingest, code)
      : undefined;
  const pull = httpSources(config).length > 0 ? new PullStack(app, deployment, stores, code) : undefined;
  const observability = new ObservabilityStack(app, deployment, stores.key, { push, stream, pull });
  if (deployment.embedded) leaveOutForEmbedded(app);
  return [storage, stream, push, pull, observability].filter((stack) => stack !== undefined);
}
