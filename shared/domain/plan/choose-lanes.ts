import { PLANNED_UTILISATION, planShards, shardsFilled, type StreamLoad } from './shards.ts';

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

/** What is on the stream, and what that and the rest costs without shards. */
interface Chosen extends StreamLoad {
  readonly count: number;
  readonly usd: number;
}

function nothingMoved(choices: readonly LaneChoice[], { load }: StreamTerms): Chosen {
  const usd = choices.reduce((sum, { landingUsd }) => sum + landingUsd, 0);
  return { count: 0, usd, ...(load ?? { bytesPerSecond: 0, recordsPerSecond: 0 }) };
}

const moveToStream = (chosen: Chosen, choice: LaneChoice): Chosen => move(chosen, choice, 1);
const moveFromStream = (chosen: Chosen, choice: LaneChoice): Chosen => move(chosen, choice, -1);

const move = (chosen: Chosen, { load, streamUsd, landingUsd }: LaneChoice, sign: 1 | -1): Chosen => ({
  count: chosen.count + sign,
  usd: chosen.usd + sign * (streamUsd - landingUsd),
  bytesPerSecond: chosen.bytesPerSecond + sign * load.bytesPerSecond,
  recordsPerSecond: chosen.recordsPerSecond + sign * load.recordsPerSecond,
});

function chosenUsd(chosen: Chosen, { load, shardUsd, fixedShards }: StreamTerms): number {
  if (chosen.count === 0 && load === undefined) return chosen.usd;
  if (
    fixedShards !== undefined &&
    chosen.count > 0 &&
    shardsFilled(chosen) > fixedShards * PLANNED_UTILISATION + 1e-9
  ) {
    return Infinity;
  }
  return chosen.usd + (fixedShards ?? planShards(chosen)) * shardUsd;
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
  const nothing = nothingMoved(choices, terms);
  let best = { streamed: new Set<string>(), chosen: nothing, usd: chosenUsd(nothing, terms) };
  const prefix = new Set<string>();
  let chosen = nothing;
  for (const choice of ranked) {
    prefix.add(choice.name);
    chosen = moveToStream(chosen, choice);
    const usd = chosenUsd(chosen, terms);
    if (usd < best.usd) best = { streamed: new Set(prefix), chosen, usd };
  }
  for (;;) {
    let found: { readonly choice: LaneChoice; readonly chosen: Chosen; readonly usd: number } | undefined;
    for (const choice of ranked) {
      const moved = (best.streamed.has(choice.name) ? moveFromStream : moveToStream)(best.chosen, choice);
      const usd = chosenUsd(moved, terms);
      // A saving below a hundredth of a cent is the last digit of a sum.
      if (usd < (found?.usd ?? best.usd) - 1e-4) found = { choice, chosen: moved, usd };
    }
    if (found === undefined) return best.streamed;
    const streamed = new Set(best.streamed);
    if (!streamed.delete(found.choice.name)) streamed.add(found.choice.name);
    best = { streamed, chosen: found.chosen, usd: found.usd };
  }
}
