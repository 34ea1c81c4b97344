import { unseenDeletes } from './check-deletes.ts';
import { toMs } from './units.ts';

interface Pulled {
  readonly type: string;
  readonly changes: string;
  readonly freshness: string;
  readonly polling?: { readonly floor: string; readonly ceiling?: string | undefined } | undefined;
  readonly connection?: { readonly network?: object | undefined } | undefined;
  readonly notifications?: boolean;
}

/** A rule that sources which are read on a schedule break: where, and what to do. */
export interface PulledProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What sources that are read on a schedule must keep, each and all together. */
export function pulledProblems(sources: Readonly<Record<string, object>>): readonly PulledProblem[] {
  const problems: PulledProblem[] = [];
  let first: { readonly name: string; readonly network: string } | undefined;
  for (const [name, source] of Object.entries(sources)) {
    const { type, changes, freshness, polling, connection, notifications = false } = source as Pulled;
    const unseen = unseenDeletes({ type, changes });
    if (unseen !== undefined) problems.push({ path: [name, 'changes'], message: unseen });
    if (polling !== undefined) {
      const floorMs = toMs(polling.floor);
      for (const [field, limit] of [
        // What notifications bring does not wait for the schedule.
        ['freshness', notifications ? undefined : freshness],
        ['polling.ceiling', polling.ceiling],
      ] as const) {
        if (limit === undefined || floorMs <= toMs(limit)) continue;
        problems.push({
          path: [name, 'polling', 'floor'],
          message: `must not be longer than ${field}, which is "${limit}"; lower it`,
        });
      }
    }
    if (connection?.network === undefined) continue;
    const network = JSON.stringify(connection.network);
    first ??= { name, network };
    if (network === first.network) continue;
    problems.push({
      path: [name, 'connection', 'network'],
      message: `must be the same as that of ${first.name}: one function reads all databases, and stands in one network`,
    });
  }
  return problems;
}
