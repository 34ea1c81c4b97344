/** Lets many work, and one make all of them wait. */
export class Gate {
  #inside = 0;
  #closed: PromiseWithResolvers<undefined> | undefined;
  #emptied: (() => void) | undefined;

  /** Does the work as soon as the gate is open. */
  async through(work: () => Promise<void>): Promise<void> {
    while (this.#closed !== undefined) await this.#closed.promise;
    this.#inside++;
    try {
      await work();
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#emptied?.();
    }
  }

  /** Closes the gate, waits until nobody is inside, does the work and opens it again. */
  async whileClosed(work: () => Promise<void>): Promise<void> {
    const closed = Promise.withResolvers<undefined>();
    this.#closed = closed;
    try {
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#emptied = resolve;
        });
      }
      await work();
    } finally {
      this.#emptied = undefined;
      this.#closed = undefined;
      closed.resolve(undefined);
    }
  }
}
