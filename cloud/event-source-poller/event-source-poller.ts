import { createFaultDice, type DeliveryFaults } from './delivery-faults.ts';
import { deliverBatch, type PollerCounts, type PollerEvent } from './deliver-batch.ts';
import type { FailureDestination, Invoker, PollerClock, Shard, ShardReader } from './ports.ts';
import { ShardBuffer } from './shard-buffer.ts';
import type { StreamMapping } from './stream-mapping.ts';

const DEFAULT_POLL_INTERVAL_MS = 100;
const SHARD_REFRESH_MS = 1000;
const DRAIN_CHECK_MS = 20;

export interface PollerOptions {
  readonly mappings: readonly StreamMapping[];
  readonly reader: ShardReader;
  readonly invoker: Invoker;
  readonly destination: FailureDestination;
  readonly clock: PollerClock;
  readonly faults?: DeliveryFaults | undefined;
  readonly pollIntervalMs?: number;
  readonly onEvent?: (event: PollerEvent) => void;
}

/**
 * Carries the records of Kinesis streams to functions as AWS's event-source mappings do: in order per shard, several
 * shards side by side, children of a resharding after their parents, each batch at least once.
 */
export interface EventSourcePoller {
  readonly mappings: readonly StreamMapping[];
  readonly counts: Readonly<PollerCounts>;
  /** Resolves when everything that was on the streams at the time of the call has been delivered or discarded. */
  drained(): Promise<void>;
  /** Stops reading and calling at once; running functions are not waited for. */
  stop(): Promise<void>;
}

/** Starts to poll. Nothing is remembered beyond this poller: a new one begins at the mapping's starting position. */
export function startEventSourcePoller(options: PollerOptions): EventSourcePoller {
  const abort = new AbortController();
  const counts: PollerCounts = {
    invocations: 0,
    failedInvocations: 0,
    deliveredRecords: 0,
    discardedRecords: 0,
  };
  const runners = options.mappings.map(
    (mapping) => new MappingRunner(mapping, options, counts, abort.signal),
  );
  const running = runners.map((runner) => runner.run());
  return {
    mappings: options.mappings,
    counts,
    drained: async () => {
      const sinceMs = options.clock.nowMs();
      while (!abort.signal.aborted && runners.some((runner) => !runner.isDrained(sinceMs))) {
        await options.clock.sleep(DRAIN_CHECK_MS, abort.signal);
      }
    },
    stop: async () => {
      abort.abort();
      await Promise.all(running);
    },
  };
}

class MappingRunner {
  readonly #mapping: StreamMapping;
  readonly #options: PollerOptions;
  readonly #counts: PollerCounts;
  readonly #signal: AbortSignal;
  readonly #polled = new Map<string, { readonly buffer: ShardBuffer; readonly done: Promise<void> }>();
  readonly #finished = new Set<string>();
  #listed: readonly Shard[] | undefined;

  constructor(mapping: StreamMapping, options: PollerOptions, counts: PollerCounts, signal: AbortSignal) {
    this.#mapping = mapping;
    this.#options = options;
    this.#counts = counts;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#refresh();
      await this.#options.clock.sleep(SHARD_REFRESH_MS, this.#signal);
    }
    await Promise.all([...this.#polled.values()].map(({ done }) => done));
  }

  /** Whether every shard was found empty by a read that began at or after `sinceMs`. */
  isDrained(sinceMs: number): boolean {
    return (
      this.#listed?.every(({ id }) => {
        const emptyReadAtMs = this.#polled.get(id)?.buffer.emptyReadAtMs ?? -Infinity;
        return this.#finished.has(id) || emptyReadAtMs >= sinceMs;
      }) ?? false
    );
  }

  async #refresh(): Promise<void> {
    const { streamArn } = this.#mapping;
    try {
      const isFirst = this.#listed === undefined;
      this.#listed = await this.#options.reader.listShards(streamArn);
      this.#startReady(isFirst);
    } catch (error) {
      if (!this.#signal.aborted)
        this.#options.onEvent?.({ kind: 'unreadable', streamArn, reason: String(error) });
    }
  }

  #startReady(isFirst: boolean): void {
    const listed = this.#listed ?? [];
    const isAhead = (id: string): boolean =>
      !this.#finished.has(id) && (this.#polled.has(id) || listed.some((shard) => shard.id === id));
    for (const { id, parentIds } of listed) {
      if (this.#polled.has(id) || parentIds.some(isAhead)) continue;
      // Shards that appear later continue ones that were read to their end: nothing of them may be skipped.
      this.#poll(id, isFirst ? this.#mapping.startingPosition : 'TRIM_HORIZON');
    }
  }

  #poll(shardId: string, at: StreamMapping['startingPosition']): void {
    const {
      reader,
      clock,
      faults,
      pollIntervalMs = DEFAULT_POLL_INTERVAL_MS,
      onEvent = () => undefined,
    } = this.#options;
    const mapping = this.#mapping;
    const signal = this.#signal;
    const buffer = new ShardBuffer({
      reader,
      clock,
      mapping,
      shardId,
      position: { at },
      pollIntervalMs,
      signal,
      onReadError: (error) => {
        onEvent({ kind: 'unreadable', streamArn: mapping.streamArn, reason: String(error) });
      },
    });
    const dice = createFaultDice(faults, shardId);
    const context = {
      ...this.#options,
      mapping,
      shardId,
      faults,
      dice,
      counts: this.#counts,
      onEvent,
      signal,
    };
    const run = async (): Promise<void> => {
      for (let batch = await buffer.nextBatch(); batch !== undefined; batch = await buffer.nextBatch()) {
        await deliverBatch(context, batch);
      }
      if (signal.aborted) return;
      this.#finished.add(shardId);
      this.#startReady(false);
    };
    this.#polled.set(shardId, { buffer, done: run() });
  }
}
