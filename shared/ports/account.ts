import type { Answer } from '../domain/doctor/answer.ts';
import type { Identity, LambdaLimits, ShardLimits, Simulated, StackFacts } from '../domain/doctor/facts.ts';
import type { NamedResource } from '../domain/doctor/needs.ts';

/**
 * An account and region of AWS, as far as the credentials of the environment may look.
 *
 * Promises of every implementation:
 * - Nothing is changed: all questions are reads.
 * - No method throws, and each answers within some seconds: what fails is an `Answer` too.
 */
export interface Account {
  region(): Promise<Answer<string>>;
  /** `absent`: there are no credentials; `denied`: AWS refuses them. */
  identity(): Promise<Answer<Identity>>;
  /** Version of the bootstrapping of CDK, under the default qualifier. */
  bootstrapVersion(): Promise<Answer<number>>;
  stack(name: string): Promise<Answer<StackFacts>>;
  lambdaLimits(): Promise<Answer<LambdaLimits>>;
  shardLimits(): Promise<Answer<ShardLimits>>;
  /** Open shards of these streams together. */
  openShards(streams: readonly string[]): Promise<Answer<number>>;
  tableCount(): Promise<Answer<number>>;
  /** An applied quota, by its code. */
  quota(service: string, code: string): Promise<Answer<number>>;
  /** Whether something has this name. */
  exists(resource: NamedResource): Promise<Answer<true>>;
  /**
   * What a role or user may not do, by the simulator of IAM.
   *
   * @param principal its ARN, or that of a session of a role
   */
  simulate(
    principal: string,
    actions: readonly string[],
    resources: readonly string[],
  ): Promise<Answer<Simulated>>;
}
