import type { AccountFinding } from './account-checks.ts';
import { whyUnknown, type Answer } from './answer.ts';
import type { Simulated } from './facts.ts';

/** Whether the credentials may use the roles that were made by `cdk bootstrap`. */
export function judgePermissions(simulated: Answer<Simulated>, roles: readonly string[]): AccountFinding {
  const code = 'PERMISSIONS';
  if (simulated.kind !== 'found') return notKnown(code, simulated);
  const { principal, denied } = simulated.value;
  if (denied.length === 0) return { code, status: 'ok', found: `${principal} may use the roles of CDK` };
  return {
    code,
    status: 'error',
    found: `${principal} may not ${denied.join(', ')} on the roles of CDK`,
    next: `allow it: {"Effect":"Allow","Action":"sts:AssumeRole","Resource":${JSON.stringify(roles)}}`,
  };
}

/** Whether the role that creates resources may create all that the configuration asks for. */
export function judgeDeployPermissions(simulated: Answer<Simulated>): AccountFinding {
  const code = 'DEPLOY_PERMISSIONS';
  if (simulated.kind !== 'found') return notKnown(code, simulated);
  const { principal, denied } = simulated.value;
  if (denied.length === 0) return { code, status: 'ok', found: `${principal} may create what is needed` };
  return {
    code,
    status: 'error',
    found: `${principal} may not ${denied.join(', ')}`,
    next:
      'bootstrap with policies that allow it (npx cdk bootstrap --cloudformation-execution-policies <arn>), or ask who ' +
      'limits the role: a permissions boundary or a policy of the organisation',
  };
}

const notKnown = (code: AccountFinding['code'], answer: Answer<unknown>): AccountFinding => ({
  code,
  status: 'skipped',
  found: whyUnknown(answer) ?? 'there is no such role yet',
});
