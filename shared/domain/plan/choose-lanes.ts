import { addLoads, PLANNED_UTILISATION, planShards, shardsFilled, type StreamLoad } from './shards.ts';

/** A source that may be streamed or collected: what either costs in a month, without shards. */
export interface LaneChoice {
  readonly name: string;
  /** What it would put on the stream. */
  readonly load: StreamLoad;
  readonly streamUsd: number;
  readonly landingUsd: number;
}

/** The stream that is there anyway, or would be. */
export interface StreamTerms {
  /** What sources put on it that must be streamed; undefined where there are none, and so no stream. */
  readonly load: StreamLoad | undefined;
  /** Price of one shard for a month. */
  readonly shardUsd: number;
  /** Shards where their number is fixed by hand; the stream takes what fills them to what is planned. */
  readonly fixedShards: number | undefined;
}

/** What the choice costs in a month: Infinity where the stream does not take it. */
export function lanesUsd(
  choices: readonly LaneChoice[],
  streamed: ReadonlySet<string>,
  { load, shardUsd, fixedShards }: StreamTerms,
): number {
  const onStream = choices.filter(({ name }) => streamed.has(name));
  const without = choices
    .filter(({ name }) => !streamed.has(name))
    .reduce((sum, { landingUsd }) => sum + landingUsd, 0);
  if (onStream.length === 0 && load === undefined) return without;
  const total = addLoads([...(load === undefined ? [] : [load]), ...onStream.map((each) => each.load)]);
  if (
    fixedShards !== undefined &&
    onStream.length > 0 &&
    shardsFilled(total) > fixedShards * PLANNED_UTILISATION + 1e-9
  ) {
    return Infinity;
  }
  const shards = fixedShards ?? planShards(total);
  return without + shards * shardUsd + onStream.reduce((sum, { streamUsd }) => sum + streamUsd, 0);
}

/**
 * The sources that go through the stream so that all of them together cost least: one stream serves many small sources,
 * and one that is there anyway costs next to nothing more. First those that save most for the room that they take, as
 * many of them as pay; then single sources are moved as long as that saves something, so that no source which is moved
 * by hand makes it cheaper.
 */
export function chooseStreamed(choices: readonly LaneChoice[], terms: StreamTerms): ReadonlySet<string> {
  const room = ({ load }: LaneChoice): number => Math.max(shardsFilled(load), Number.MIN_VALUE);
  const saving = ({ landingUsd, streamUsd }: LaneChoice): number => landingUsd - streamUsd;
  const ranked = [...choices].sort(
    (a, b) => saving(b) / room(b) - saving(a) / room(a) || (a.name < b.name ? -1 : 1),
  );
  let best = new Set<string>();
  let bestUsd = lanesUsd(choices, best, terms);
  const prefix = new Set<string>();
  for (const { name } of ranked) {
    prefix.add(name);
    const usd = lanesUsd(choices, prefix, terms);
    if (usd >= bestUsd) continue;
    best = new Set(prefix);
    bestUsd = usd;
  }
  for (;;) {
    let found: { readonly set: Set<string>; readonly usd: number } | undefined;
    for (const { name } of ranked) {
      const set = new Set(best);
      if (!set.delete(name)) set.add(name);
      const usd = lanesUsd(choices, set, terms);
      // A saving below a hundredth of a cent is the last digit of a sum.
      if (usd < (found?.usd ?? bestUsd) - 1e-4) found = { set, usd };
    }
    if (found === undefined) return best;
    ({ set: best, usd: bestUsd } = found);
  }
}
