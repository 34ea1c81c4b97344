import { HeadgateError } from '../errors.ts';
import { SOURCE_PROBLEMS, type Level } from './source-problems.ts';

/** Something that a check has found. */
export interface Finding {
  /** `error`: it would not work. `warning`: it works, and something should be mended, or could not be seen from here. */
  readonly level: Level;
  /** Stable; docs/reference/source-problems.md lists those of sources. */
  readonly code: string;
  /** What was found, and what to do. */
  readonly message: string;
}

/** A finding with the level that its code has. */
export function findingOf(code: keyof typeof SOURCE_PROBLEMS, message: string): Finding {
  return { level: SOURCE_PROBLEMS[code].level, code, message };
}

/** What a failure of a source means before anything is deployed. */
export function findingOfFailure(error: unknown): Finding {
  if (!(error instanceof HeadgateError)) {
    const text = error instanceof Error ? error.message : String(error);
    return findingOf('CHECK_FAILED', `the check itself failed: ${text}; if it stays so, report it`);
  }
  const { code, message } = error;
  const known = (SOURCE_PROBLEMS as Readonly<Record<string, { readonly level: Level } | undefined>>)[code];
  return { level: known?.level ?? 'error', code, message };
}

/** Those of a higher level first, each level in the order in which they were found. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return [
    ...findings.filter(({ level }) => level === 'error'),
    ...findings.filter(({ level }) => level === 'warning'),
  ];
}
