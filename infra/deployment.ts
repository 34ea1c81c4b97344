import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { ResourcePlan } from '../shared/config/plan/plan-resources.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';

/** What is deployed, and how. */
export interface DeploymentOptions {
  readonly config: HeadgateConfig;
  /** What becomes of data when its stack is deleted. */
  readonly dataRemoval: RemovalPolicy;
  /** The target is the embedded cloud. */
  readonly embedded: boolean;
}

/** What every stack must know about the deployment as a whole. Its configuration has the patterns that were planned. */
export interface Deployment extends DeploymentOptions {
  readonly plan: ResourcePlan;
}

/** Tells whoever set only one of the two flags what becomes of the data; undefined when they agree. */
export function dataRemovalWarning(protect: boolean, destroyRequested: boolean): string | undefined {
  if (protect !== destroyRequested) return undefined;
  return protect
    ? '-c destroy=true has no effect: the configuration protects the data. Set `protect: false` there as well.'
    : '`protect: false` has no effect alone: data is kept. Deploy with -c destroy=true as well before you delete it.';
}

/** Two flags must agree before data can be destroyed: `protect: false` in the configuration and `-c destroy=true`. */
export function planDataRemoval(protect: boolean, destroyRequested: boolean): RemovalPolicy {
  return !protect && destroyRequested ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
}
