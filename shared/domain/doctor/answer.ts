/**
 * What a question to AWS was answered with. Asking never fails: what cannot be known is an answer too.
 *
 * - `found`: it is so.
 * - `absent`: there is no such thing.
 * - `denied`: the credentials may not ask; `action` is the permission that is missing.
 * - `unknown`: no answer in time, or one that cannot be used.
 */
export type Answer<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  | { readonly kind: 'absent' }
  | { readonly kind: 'denied'; readonly action: string }
  | { readonly kind: 'unknown'; readonly problem: string };

export const found = <Value>(value: Value): Answer<Value> => ({ kind: 'found', value });

/** Why nothing is known, as the end of a sentence; undefined where something is. */
export function whyUnknown(answer: Answer<unknown>): string | undefined {
  if (answer.kind === 'denied') return `the credentials may not ${answer.action}`;
  return answer.kind === 'unknown' ? answer.problem : undefined;
}
