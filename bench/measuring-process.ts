import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NODE_OPTIONS } from '../shared/config/node-options.ts';

/*
 * Every variant of a benchmark is measured in a process of its own, so that neither its memory nor the garbage of
 * another variant counts, with the functions' options for Node.
 */

/**
 * Starts a measuring process.
 *
 * @param file module in this folder that calls `answerMeasurements`
 * @param input what `measuringInput` gives it
 */
export function startMeasuring(file: string, input: object): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(input)], {
    execArgv: [...NODE_OPTIONS, '--no-warnings'],
    // What functions write to their log is written, and goes nowhere.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/**
 * Makes one measurement.
 *
 * @param question what to measure, where a process measures different things
 * @throws Error when the process ends instead of answering
 */
export async function ask<Output>(child: ChildProcess, question: object = {}): Promise<Output> {
  const answered = new AbortController();
  const { signal } = answered;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('a measuring process has ended; its error is above');
  });
  child.send(question);
  try {
    const [output] = (await Promise.race([once(child, 'message', { signal }), ended])) as [Output];
    return output;
  } finally {
    // The listeners of the loser of the race are removed.
    ended.catch(() => undefined);
    answered.abort();
  }
}

/** Lets measuring processes end. */
export function endMeasuring(children: readonly ChildProcess[]): void {
  for (const child of children) if (child.connected) child.disconnect();
}

/** In a measuring process: what it was started with. */
export function measuringInput(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** In a measuring process: answers every message with one measurement, and closes when nobody asks any more. */
export function answerMeasurements(
  measure: (question: unknown) => Promise<object>,
  close: () => Promise<void>,
): void {
  const fail = (error: unknown): void => {
    console.error(error);
    process.exit(1);
  };
  process.on('message', (question) => {
    measure(question).then((output) => process.send?.(output), fail);
  });
  process.on('disconnect', () => {
    close().catch(fail);
  });
}
