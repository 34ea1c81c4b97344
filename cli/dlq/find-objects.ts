import type { OpenReplay } from '../open-replay.ts';
import { CommandError, UsageError } from '../terminal.ts';
import type { Selection } from './selection.ts';

/** Where Lambda parks deliveries that the stream function gave up. */
export const PARKED_PREFIX = 'aws/lambda/';
const QUARANTINE_PREFIX = 'quarantine/';

/**
 * The objects that are meant: by their keys or the beginnings of them, and by the selection.
 *
 * @throws UsageError when a name can be none of them, or nothing was said
 * @throws CommandError when there is no such object
 */
export async function findObjects(
  { list, bucket }: Pick<OpenReplay, 'list' | 'bucket'>,
  names: readonly string[],
  selection: Selection,
): Promise<readonly string[]> {
  for (const name of names) {
    if (name.startsWith(PARKED_PREFIX) || name.startsWith(QUARANTINE_PREFIX)) continue;
    throw new UsageError(
      `${JSON.stringify(name)} is neither a parked delivery (${PARKED_PREFIX}…) nor in the quarantine (${QUARANTINE_PREFIX}…)`,
    );
  }
  if (names.length === 0 && !selection.isNarrow) {
    throw new UsageError(
      `say which: keys or prefixes (${PARKED_PREFIX}…, ${QUARANTINE_PREFIX}…), or --source, --reason, --from, --to, --id`,
    );
  }
  const found = new Set<string>();
  for (const name of names.length > 0 ? names : [selection.prefix]) {
    const keys = await list(name);
    // A whole key names one object, also where another one begins with it.
    const named = keys.includes(name) ? [name] : keys;
    const wanted = selection.isNarrow ? named.filter(selection.mayHold) : named;
    if (wanted.length === 0) {
      const but = selection.isNarrow ? ` and has records with ${selection.asked}` : '';
      throw new CommandError(`there is no object that begins with s3://${bucket}/${name}${but}`);
    }
    for (const key of wanted) found.add(key);
  }
  return [...found].sort();
}
