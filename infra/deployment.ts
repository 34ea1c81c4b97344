import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { HeadgateConfig } from '../shared/config/schema.ts';

/** What every stack must know about the deployment as a whole. */
export interface Deployment {
  readonly config: HeadgateConfig;
  /** What becomes of data when its stack is deleted. */
  readonly dataRemoval: RemovalPolicy;
  /** The target is the embedded cloud. */
  readonly embedded: boolean;
}

/** Two flags must agree before data can be destroyed: `protect: false` in the configuration and `-c destroy=true`. */
export function planDataRemoval(protect: boolean, destroyRequested: boolean): RemovalPolicy {
  return !protect && destroyRequested ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
}
