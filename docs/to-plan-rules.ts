import { CONTRADICTIONS } from '../shared/config/plan/contradictions.ts';
import { TRAPS } from '../shared/config/plan/traps.ts';
import { OTHER_TOOLS } from '../shared/domain/cost/other-tools.ts';
import { PATTERN_NAMES } from '../shared/domain/plan/answers.ts';
import { DECISION_MATRIX } from '../shared/domain/plan/decision-matrix.ts';
import { LOSSES } from '../shared/domain/plan/lost.ts';
import { RULES } from '../shared/domain/plan/rules.ts';

const table = (head: string, rows: readonly string[]): string =>
  [`| ${head} |`, `|${' --- |'.repeat(head.split('|').length)}`, ...rows.map((row) => `| ${row} |`)].join(
    '\n',
  );

/** The page of the rules that decide how a source is ingested, without its first line. */
export function planRulesPage(): string {
  return [
    '# Rules of the plan',
    'What `headgate plan` goes by. Rules count in this order, and each takes away patterns; one that would leave none ' +
      'contradicts those before it, and is reported instead of followed. Of what is left, price decides. ' +
      '`headgate plan --explain` shows what became of each rule.',
    table(
      'Rule | Says | Leaves',
      RULES.map(
        ({ id, says, allows }) =>
          `\`${id}\` | ${says} | ${allows.map((each) => PATTERN_NAMES[each]).join(', ')}`,
      ),
    ),
    '## When another tool is the right one',
    table(
      'Case | Tools | Verdict | Because',
      DECISION_MATRIX.map(
        ({ title, tools, verdict, because }) =>
          `${title} | ${tools.map((each) => OTHER_TOOLS[each].name).join(', ')} | ${verdict === 'hand-over' ? 'another tool' : 'Headgate; the others are what it is compared with'} | ${because}`,
      ),
    ),
    '## What a pattern does not see',
    table(
      'Pattern | Lost',
      LOSSES.map(({ deployed, lost }) => `${PATTERN_NAMES[deployed]} | ${lost.join('; ')}`),
    ),
    '## Answers that contradict each other',
    table(
      'Id | Says',
      CONTRADICTIONS.map(({ id, says }) => `\`${id}\` | ${says}`),
    ),
    '## Traps',
    'Each is reported with the dollars a month that are at stake, from half a dollar on.',
    table(
      'Id | Says',
      TRAPS.map(({ id, says }) => `\`${id}\` | ${says}`),
    ),
  ].join('\n\n');
}
