import cliProgress from 'cli-progress';

/** Shows how far a command is. */
export interface Progress {
  /** @param done of `total`; `detail` is what is next */
  update(done: number, total: number, detail: string): void;
  stop(): void;
}

/** A bar on a terminal, elsewhere one line per step. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) {
    return {
      update: (done, total, detail) => void stream.write(`${String(done)}/${String(total)} ${detail}\n`),
      stop: () => undefined,
    };
  }
  const bar = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    format: '{bar} {value}/{total} {detail}',
    barsize: 24,
  });
  let isStarted = false;
  return {
    update: (done, total, detail) => {
      if (!isStarted) bar.start(total, done, { detail });
      isStarted = true;
      bar.update(done, { detail });
    },
    stop: () => {
      if (isStarted) bar.stop();
      isStarted = false;
    },
  };
}
