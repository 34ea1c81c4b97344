import type { Pattern } from '../../domain/cost/design.ts';
import type { ExpectedFreshness } from '../../domain/cost/expected-freshness.ts';
import type { FunctionName } from '../../domain/plan/function-sizes.ts';
import type { Finding } from '../../domain/plan/finding.ts';
import type { RuleOutcome } from '../../domain/plan/decide-pattern.ts';
import type { SourceOption } from './options-of-source.ts';

/** Something that is deployed for a source. */
export type PlannedResource =
  | {
      readonly kind: 'stream';
      readonly name: string;
      readonly shards: number;
      /** The source's part of what is on it, 0 to 1. */
      readonly share: number;
      /** How full the shards are on average, 0 to 1. */
      readonly utilisation: number;
      readonly batchingWindowSeconds: number;
      readonly batchSize: number;
    }
  | {
      readonly kind: 'schedule';
      readonly name: string;
      readonly everyMinutes: number;
      /** Sources of the same run. */
      readonly sources: number;
    }
  | { readonly kind: 'function'; readonly name: FunctionName; readonly memoryMiB: number };

/** Another choice, and what it would change. */
export interface PlannedChoice extends SourceOption {
  /** "relax 30 seconds to 5 minutes: −62 %" */
  readonly says: string;
}

/** A tool that is the right one instead, or that this is compared with. */
export interface ToolComparison {
  readonly id: string;
  readonly title: string;
  readonly verdict: 'hand-over' | 'compare';
  readonly because: string;
  readonly tools: readonly {
    readonly name: string;
    readonly billedBy: string;
    readonly assumes: string;
    readonly usdPerMonth: number;
    readonly usdPerGb: number;
    readonly sources: readonly string[];
    readonly asOf: string;
    readonly verified: boolean;
  }[];
}

/** What is planned for one source, what it costs, and why. */
export interface SourcePlan {
  readonly source: string;
  readonly type: string;
  readonly gbPerDay: number;
  /** What is deployed. */
  readonly pattern: Pattern;
  /** What the answers ask for; another one where Headgate does not have it. */
  readonly asksFor: Pattern;
  readonly isByHand: boolean;
  readonly direction: 'push' | 'pull';
  readonly lane: FunctionName;
  readonly resources: readonly PlannedResource[];
  readonly freshness: ExpectedFreshness & { readonly askedMs: number };
  readonly usdPerGb: number;
  readonly usdPerMonth: number;
  readonly idleUsdPerMonth: number;
  readonly byService: readonly { readonly service: string; readonly usd: number }[];
  readonly nextCheaper: PlannedChoice | undefined;
  readonly nextFaster: PlannedChoice | undefined;
  /** What the pattern that was set by hand costs against the plan's own choice; undefined where nothing was set. */
  readonly ownChoice: PlannedChoice | undefined;
  /** Cost against freshness. */
  readonly curve: readonly SourceOption[];
  readonly reasons: readonly string[];
  /** What is not seen with the pattern that is deployed. */
  readonly lost: readonly string[];
  readonly findings: readonly Finding[];
  readonly tools: readonly ToolComparison[];
  readonly rules: readonly RuleOutcome[];
}
