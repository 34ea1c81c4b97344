import type { PullControl, PullControlState, PullControlStore } from '../../shared/ports/pull-control.ts';
import { CommandError } from '../terminal.ts';

const MAX_CONFLICTS = 20;

/**
 * Changes what is known of a source while its runs do so too.
 *
 * @param change gives what it is to be; undefined: it is right as it is
 * @returns what it was and what it is
 */
export async function changeControl(
  control: PullControlStore,
  source: string,
  newToken: () => string,
  change: (before: PullControl) => PullControlState | undefined,
): Promise<{ readonly before: PullControlState; readonly after: PullControlState }> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const before = await control.read(source);
    const after = change(before);
    if (after === undefined) return { before, after: before };
    if ((await control.write(source, before.version, after, newToken())) === 'ok') return { before, after };
  }
  throw new CommandError(`runs of ${source} keep changing what is known of it; try again`);
}
