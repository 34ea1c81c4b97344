/**
 * Runs `step` for every item, at most `limit` at a time, and waits for all that were begun: a step that goes on after
 * its run has failed would resume in the next invocation of a thawed process.
 *
 * @throws the first failure, after the running steps have ended; no further steps are begun
 */
export async function forEachLimited<Item>(
  items: readonly Item[],
  limit: number,
  step: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    while (failures.length === 0) {
      const item = items[next++];
      if (item === undefined) return;
      try {
        await step(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (failures.length > 0) throw failures[0];
}
