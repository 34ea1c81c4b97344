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
