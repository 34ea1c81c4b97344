import type { AccountFinding } from './account-checks.ts';
import { whyUnknown, type Answer } from './answer.ts';
import type { NameAnswers, StackAnswers, StackFacts } from './facts.ts';
import type { NamedResource } from './needs.ts';

/** What the templates of aws-cdk-lib ask for: MIN_BOOTSTRAP_STACK_VERSION. */
const NEEDED_BOOTSTRAP = 6;
/** The stack that `cdk bootstrap` makes. */
export const BOOTSTRAP_STACK = 'CDKToolkit';

/**
 * @param version what SSM holds for the default qualifier
 * @param stack the stack `CDKToolkit`
 */
export function judgeBootstrap(
  version: Answer<number>,
  stack: Answer<Pick<StackFacts, 'status'>>,
  { account, region }: { readonly account: string; readonly region: string },
): AccountFinding {
  const code = 'BOOTSTRAP';
  const next = `npx cdk bootstrap aws://${account}/${region}`;
  if (stack.kind === 'found' && isStuck(stack.value.status))
    return {
      ...{ code, status: 'error', found: `stack ${BOOTSTRAP_STACK} is in ${stack.value.status}` },
      next: `see its events, delete it, then ${next}`,
    };
  if (version.kind === 'absent')
    return { code, status: 'error', found: 'the account and region are not bootstrapped for CDK', next };
  if (version.kind !== 'found')
    return { code, status: 'skipped', found: whyUnknown(version) ?? '', next: `if in doubt: ${next}` };
  if (version.value >= NEEDED_BOOTSTRAP)
    return { code, status: 'ok', found: `version ${String(version.value)}` };
  return {
    ...{ code, status: 'error', next },
    found: `version ${String(version.value)} is too old; ${String(NEEDED_BOOTSTRAP)} is needed`,
  };
}

/** Whether a stack has to be mended by hand before anything can be deployed to it. */
const isStuck = (status: string): boolean =>
  status === 'ROLLBACK_COMPLETE' || (status.endsWith('_FAILED') && status !== 'UPDATE_FAILED');

/** `REVIEW_IN_PROGRESS` is a stack of which nothing was made yet. */
const isBusy = (status: string): boolean =>
  status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';

export function judgeStacks(stacks: StackAnswers): AccountFinding {
  const code = 'STACKS';
  const unknown = stacks.map(([, answer]) => whyUnknown(answer)).find((why) => why !== undefined);
  if (unknown !== undefined) return { code, status: 'skipped', found: unknown };
  const there = stacks.flatMap(([name, answer]) =>
    answer.kind === 'found' ? [{ name, status: answer.value.status }] : [],
  );
  const stuck = there.filter(({ status }) => isStuck(status));
  if (stuck.length > 0) {
    const repair = stuck.some(({ status }) => status === 'UPDATE_ROLLBACK_FAILED')
      ? 'aws cloudformation continue-update-rollback --stack-name <stack>, for UPDATE_ROLLBACK_FAILED; '
      : '';
    return {
      ...{
        code,
        status: 'error',
        found: stuck.map(({ name, status }) => `${name} is in ${status}`).join(', '),
      },
      next:
        `see the events of the stack for the cause; ${repair}a stack that was never complete can be deleted: ` +
        'aws cloudformation delete-stack --stack-name <stack>',
    };
  }
  const busy = there.filter(({ status }) => isBusy(status));
  if (busy.length > 0)
    return {
      ...{
        code,
        status: 'warning',
        found: busy.map(({ name, status }) => `${name} is in ${status}`).join(', '),
      },
      next: 'wait until somebody else’s deployment has ended',
    };
  const found =
    there.length === 0
      ? 'nothing is deployed yet'
      : `${String(there.length)} of ${String(stacks.length)} stacks are deployed`;
  return { code, status: 'ok', found };
}

/** Names that are taken by something that is not the deployment's own. */
export function judgeNames(names: NameAnswers, stacks: StackAnswers): AccountFinding {
  const code = 'NAMES';
  const unknownStack = stacks.map(([, answer]) => whyUnknown(answer)).find((why) => why !== undefined);
  if (unknownStack !== undefined)
    return { code, status: 'skipped', found: `what the deployment owns is not known: ${unknownStack}` };
  const own = new Set(
    stacks.flatMap(([, answer]) =>
      answer.kind === 'found' ? answer.value.resources.map(({ id }) => id) : [],
    ),
  );
  const taken = names
    .filter(([{ name }, { kind }]) => kind === 'found' && !own.has(name))
    .map(([name]) => name);
  const unknown = names.flatMap(([, answer]) => whyUnknown(answer) ?? []);
  const notAsked =
    unknown.length === 0 ? '' : ` (not all could be asked: ${[...new Set(unknown)].join('; ')})`;
  if (taken.length > 0)
    return {
      ...{ code, status: 'error' },
      found: `taken by something that is not part of the deployment: ${taken.map(show).join(', ')}${notAsked}`,
      next: 'set another `name` in the configuration, or delete what is left of an older deployment',
    };
  if (unknown.length === names.length && names.length > 0)
    return { code, status: 'skipped', found: [...new Set(unknown)].join('; ') };
  return {
    code,
    status: unknown.length > 0 ? 'warning' : 'ok',
    found: `${String(names.length - unknown.length)} names are free or the deployment's own${notAsked}`,
    ...(unknown.length > 0 && { next: 'let these credentials ask, or look for the names by hand' }),
  };
}

const show = ({ kind, name }: NamedResource): string => `${kind} ${name}`;
