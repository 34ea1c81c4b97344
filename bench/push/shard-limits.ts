/** https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
export const SHARD_BYTES_PER_SECOND = 1e6;
const SHARD_RECORDS_PER_SECOND = 1000;

/** What one shard takes: its limits are filled up evenly, and those of one second at most are saved. */
export class ShardLimits {
  #bytes = SHARD_BYTES_PER_SECOND;
  #records = SHARD_RECORDS_PER_SECOND;
  #filledAtMs: number;

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  /** Whether the shard takes a record of this size now; then it counts. */
  takes(bytes: number, nowMs: number): boolean {
    const seconds = (nowMs - this.#filledAtMs) / 1000;
    this.#filledAtMs = nowMs;
    this.#bytes = Math.min(SHARD_BYTES_PER_SECOND, this.#bytes + seconds * SHARD_BYTES_PER_SECOND);
    this.#records = Math.min(SHARD_RECORDS_PER_SECOND, this.#records + seconds * SHARD_RECORDS_PER_SECOND);
    if (this.#bytes < bytes || this.#records < 1) return false;
    this.#bytes -= bytes;
    this.#records--;
    return true;
  }
}
