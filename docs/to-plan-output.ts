import { planTable, planText } from '../cli/plan/plan-text.ts';
import { planDeployment } from '../shared/config/plan/plan-deployment.ts';
import fiveAnswers from './examples/five-answers.config.ts';

/** `<!-- plan -->` or `<!-- plan-table -->` and the code block after it. */
const BLOCK = /<!-- (plan|plan-table) -->\n\n```\n[\s\S]*?```/g;

/** A page whose plans are what `headgate plan` says of docs/examples/five-answers.config.ts. */
export function withPlans(page: string): string {
  return page.replaceAll(BLOCK, (_block, kind: string) => {
    const plan = planDeployment(fiveAnswers);
    const text =
      kind === 'plan'
        ? planText(plan, plan.sources, { explain: false })
        : planTable(plan.sources.slice(0, 3));
    return `<!-- ${kind} -->\n\n\`\`\`\n${text}\n\`\`\``;
  });
}
