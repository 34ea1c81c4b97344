import type { Pattern } from '../cost/design.ts';
import type { Answers } from './answers.ts';
import { RULES, type Rule } from './rules.ts';

/** What became of a rule: it left these patterns, it had nothing to say, or it contradicts those before it. */
export interface RuleOutcome {
  readonly rule: Rule;
  readonly outcome: 'applied' | 'not-applicable' | 'contradicted';
  /** What is left after it. */
  readonly leaves: readonly Pattern[];
  /** Why, where it applies. */
  readonly because: string | undefined;
}

/** What the rules leave for a source. */
export interface Decision {
  /** What may be used, the most suitable first. */
  readonly patterns: readonly Pattern[];
  readonly outcomes: readonly RuleOutcome[];
}

const EVERYTHING: readonly Pattern[] = [
  'stream',
  'micro-batch',
  'batch',
  'query-cdc',
  'trigger-cdc',
  'log-cdc',
];

/** Goes through the rules in their order: each takes away patterns, and none takes away the last one. */
export function decidePattern(answers: Answers, rules: readonly Rule[] = RULES): Decision {
  let patterns = EVERYTHING;
  const outcomes = rules.map((rule): RuleOutcome => {
    if (!rule.applies(answers)) {
      return { rule, outcome: 'not-applicable', leaves: patterns, because: undefined };
    }
    const allowed = rule.id === 'by-hand' ? patterns.filter((each) => each === answers.byHand) : rule.allows;
    // In the order of the rule: it names what suits it best first.
    const left = allowed.filter((pattern) => patterns.includes(pattern));
    const because = rule.because(answers);
    if (left.length === 0) return { rule, outcome: 'contradicted', leaves: patterns, because };
    patterns = left;
    return { rule, outcome: 'applied', leaves: left, because };
  });
  return { patterns, outcomes };
}
