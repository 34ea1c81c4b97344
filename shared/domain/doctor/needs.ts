/** A resource whose name follows from that of the deployment. Others get names from CloudFormation, which cannot be taken. */
export interface NamedResource {
  readonly kind: 'function' | 'log group' | 'schedule group' | 'key alias' | 'database' | 'parameter';
  readonly name: string;
}

/** What a deployment needs of its account. */
export interface DeploymentNeeds {
  readonly name: string;
  readonly stacks: readonly string[];
  readonly names: readonly NamedResource[];
  /** Functions at the same time. */
  readonly concurrency: ConcurrencyNeeds;
  readonly shards: number;
  readonly tables: number;
  /** Requests a second that the received sources may be sent, by their declared limits; 0 without such sources. */
  readonly requestsPerSecond: number;
  /** IAM actions that the role of CloudFormation needs to create it. */
  readonly actions: readonly string[];
}

export interface ConcurrencyNeeds {
  /** One for each shard that is read. */
  readonly streams: number;
  /** Scheduled runs that may come at once. */
  readonly schedules: number;
  /** Parts of runs that may be at work beside them. */
  readonly work: number;
  /** What is received, by the declared volume; undefined where nothing is. */
  readonly push: PushNeeds | undefined;
}

interface PushNeeds {
  readonly instances: number;
  /** On average. */
  readonly requestsPerSecond: number;
  /** What one request is expected to take. */
  readonly requestMs: number;
}
