import { expect, test } from 'vitest';
import fiveAnswers from '../../../docs/examples/five-answers.config.ts';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';

const plan = planDeployment(fiveAnswers);

test('the example of docs/planning.md has a source of each kind, and nothing that cannot be met', () => {
  expect(plan.sources.map(({ pattern }) => pattern)).toEqual(['stream', 'stream', 'query-cdc', 'batch']);
  expect(plan.sources.flatMap(({ findings }) => findings).filter(({ level }) => level === 'error')).toEqual(
    [],
  );
});
