import { elementSpans, findSpan, isArrayAt, rootSpan, type Span } from './json-spans.ts';

/*
 * Paths into an answer: field names joined by dots, with the index of an array's element in brackets. A negative index
 * counts from the end, `[*]` stands for every element: `data.items[-1].id`, `groups[*].members`.
 */

/** One step down: a field's name, an element's index, or (undefined) all elements. */
export type PathStep = string | number | undefined;

const PATH = /^(?:[^.[\]]+|(?:[^.[\]]+)?\[(?:-?\d{1,6}|\*)\])(?:\.[^.[\]]+|\[(?:-?\d{1,6}|\*)\])*$/;
const STEP = /([^.[\]]+)|\[(-?\d+|\*)\]/g;

/** Whether a text is a path; `allowsAll` says whether `[*]` may be in it. */
export function isJsonPath(text: string, allowsAll: boolean): boolean {
  return PATH.test(text) && (allowsAll || !text.includes('[*]'));
}

/** The steps of a path that {@link isJsonPath} accepts. */
export function toPathSteps(text: string): readonly PathStep[] {
  return [...text.matchAll(STEP)].map(
    ([, name, index]) => name ?? (index === '*' ? undefined : Number(index)),
  );
}

/** The value at a path; undefined when there is none. */
export function findAt(bytes: Uint8Array, steps: readonly PathStep[]): Span | undefined {
  return findEach(bytes, steps)[0];
}

/** All values that a path with `[*]` leads to, in their order; fields that are missing under one of them are left out. */
export function findEach(bytes: Uint8Array, steps: readonly PathStep[]): readonly Span[] {
  return steps.reduce<readonly Span[]>(
    (spans, step) => spans.flatMap((span) => stepDown(bytes, span, step)),
    [rootSpan(bytes)],
  );
}

function stepDown(bytes: Uint8Array, span: Span, step: PathStep): readonly Span[] {
  if (typeof step === 'string') {
    const below = findSpan(bytes, [step], span);
    return below === undefined ? [] : [below];
  }
  if (!isArrayAt(bytes, span)) return [];
  const elements = elementSpans(bytes, span);
  if (step === undefined) return elements;
  const element = elements.at(step);
  return element === undefined ? [] : [element];
}
