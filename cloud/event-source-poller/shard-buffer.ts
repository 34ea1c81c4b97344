import type { PollerClock, ShardPosition, ShardReader, StreamRecord } from './ports.ts';
import type { StreamMapping } from './stream-mapping.ts';
import { countFitting } from './to-event.ts';

export interface ShardBufferOptions {
  readonly reader: ShardReader;
  readonly clock: PollerClock;
  readonly mapping: StreamMapping;
  readonly shardId: string;
  readonly position: ShardPosition;
  /** Time between two reads of a shard that has nothing new. */
  readonly pollIntervalMs: number;
  /** Told when a read failed; it is tried again. */
  readonly onReadError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads one shard in order and gathers its records into batches: a batch is complete when it has the mapping's size,
 * would outgrow an invocation, or its window is over.
 */
export class ShardBuffer {
  /** When the last read that found nothing, with nothing buffered, began; -Infinity before. */
  emptyReadAtMs = -Infinity;
  readonly #options: ShardBufferOptions;
  #position: ShardPosition;
  #iterator: string | undefined;
  #records: StreamRecord[] = [];
  #firstAtMs = 0;
  #isClosed = false;

  constructor(options: ShardBufferOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  /** The next batch; undefined at the end of a closed shard or when the signal has fired. */
  async nextBatch(): Promise<readonly StreamRecord[] | undefined> {
    const { mapping, clock, signal, pollIntervalMs } = this.#options;
    while (!signal.aborted) {
      const count = this.#countReady();
      if (count > 0) return this.#records.splice(0, count);
      if (this.#isClosed) return undefined;
      const startedAtMs = clock.nowMs();
      const found = await this.#read();
      if (found === 'records' || found === 'end') continue;
      // An unsuccessful read is no evidence that there is nothing.
      if (found === 'nothing' && this.#records.length === 0) this.emptyReadAtMs = startedAtMs;
      const windowLeftMs =
        this.#records.length === 0 ? Infinity : this.#firstAtMs + mapping.windowMs - clock.nowMs();
      await clock.sleep(Math.max(0, Math.min(pollIntervalMs, windowLeftMs)), signal);
    }
    return undefined;
  }

  #countReady(): number {
    const { mapping, clock } = this.#options;
    if (this.#records.length === 0) return 0;
    const count = countFitting(this.#records, mapping.batchSize);
    const isFull = count === mapping.batchSize || count < this.#records.length;
    const isOver = clock.nowMs() - this.#firstAtMs >= mapping.windowMs;
    return isFull || isOver || this.#isClosed ? count : 0;
  }

  async #read(): Promise<'records' | 'nothing' | 'end' | 'unknown'> {
    const { reader, mapping, shardId, clock, onReadError } = this.#options;
    try {
      this.#iterator ??= await reader.open(mapping.streamArn, shardId, this.#position);
      if (this.#iterator === undefined) {
        this.#isClosed = true;
        return 'end';
      }
      const page = await reader.read(this.#iterator, mapping.batchSize - this.#records.length);
      if (page === 'expired') {
        this.#iterator = undefined;
        return 'unknown';
      }
      this.#iterator = page.next;
      this.#isClosed = page.next === undefined;
      const last = page.records.at(-1);
      if (last === undefined) return this.#isClosed ? 'end' : 'nothing';
      if (this.#records.length === 0) this.#firstAtMs = clock.nowMs();
      this.#records.push(...page.records);
      this.#position = { after: last.sequenceNumber };
      return 'records';
    } catch (error) {
      this.#iterator = undefined;
      if (!this.#options.signal.aborted) onReadError(error);
      return 'unknown';
    }
  }
}
