import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Block, BlockResult } from './blocks.ts';

/** Runs blocks on threads. */
export class WorkerPool {
  readonly #workers: readonly Worker[];

  constructor(threads: number) {
    this.#workers = Array.from(
      { length: threads },
      () => new Worker(new URL('./worker.ts', import.meta.url)),
    );
  }

  /**
   * Hands out blocks in order until there are no more.
   *
   * @param next the next block; undefined when no more is to be begun
   * @param onResult gets the results in the order of the blocks, however many threads there are
   */
  async run(
    next: () => Block | undefined,
    onResult: (block: Block, result: BlockResult) => void,
  ): Promise<void> {
    const waiting = new Map<number, { readonly block: Block; readonly result: BlockResult }>();
    let begun = 0;
    let reported = 0;
    const work = async (worker: Worker): Promise<void> => {
      for (let block = next(); block !== undefined; block = next()) {
        const number = begun++;
        worker.postMessage(block);
        const [result] = (await once(worker, 'message')) as [BlockResult];
        waiting.set(number, { block, result });
        for (let ready = waiting.get(reported); ready !== undefined; ready = waiting.get(reported)) {
          waiting.delete(reported++);
          onResult(ready.block, ready.result);
        }
      }
    };
    await Promise.all(this.#workers.map(work));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
