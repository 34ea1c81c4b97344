import type { Answer } from './answer.ts';
import type { NamedResource } from './needs.ts';

/** Who the credentials are. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** How far the clock of AWS is ahead of this machine's, ms; undefined where its answer does not say. */
  readonly clockOffsetMs: number | undefined;
}

export interface LambdaLimits {
  /** Executions at the same time, all functions together. */
  readonly concurrent: number;
  /** What no function has reserved for itself. */
  readonly unreserved: number;
  readonly codeBytes: number;
  readonly maxCodeBytes: number;
}

export interface ShardLimits {
  readonly open: number;
  readonly max: number;
}

export interface StackFacts {
  readonly status: string;
  readonly resources: readonly StackResource[];
}

interface StackResource {
  /** Such as `AWS::Kinesis::Stream`. */
  readonly type: string;
  readonly id: string;
}

/** What IAM's simulator says a principal may not do. */
export interface Simulated {
  readonly principal: string;
  readonly denied: readonly string[];
}

/** A stack of the deployment and what is known of it. */
export type StackAnswers = readonly (readonly [stack: string, answer: Answer<StackFacts>])[];
/** Whether something has a name. */
export type NameAnswers = readonly (readonly [resource: NamedResource, answer: Answer<true>])[];
