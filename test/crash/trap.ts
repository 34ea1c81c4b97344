import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyRule, RuleOutcome } from '../../cloud/fault-proxy/fault-proxy.ts';
import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';
import type { CrashPoint, Variant } from './crash-points.ts';

const POLL_MS = 5;

/** Waits at one crash point for one process, and does to it what the variant says. */
export class Trap implements Omit<ProxyRule, 'matches'> {
  readonly #point: Pick<CrashPoint, 'matches' | 'nth'>;
  readonly #variant: Variant;
  readonly #onFired: () => void;
  readonly #decided = Promise.withResolvers<RuleOutcome>();
  readonly #released = Promise.withResolvers<undefined>();
  #calls = 0;
  #target: SeenRequest | undefined;
  #hasFired = false;

  /** @param onFired called when it has happened, before anything else can go on */
  constructor(
    point: Pick<CrashPoint, 'matches' | 'nth'>,
    variant: Variant,
    onFired: () => void = () => undefined,
  ) {
    this.#point = point;
    this.#variant = variant;
    this.#onFired = onFired;
  }

  /** Lets a held zombie, and everything that waits, go on. */
  release(): void {
    this.#released.resolve(undefined);
    this.#decided.resolve('pass');
  }

  async before(request: SeenRequest): Promise<RuleOutcome> {
    // A repetition by the SDK is the same call.
    if (this.#hasFired || request.attempt > 1 || !this.#point.matches(request)) return 'pass';
    this.#calls++;
    if (this.#calls < this.#point.nth) return 'pass';
    if (this.#calls > this.#point.nth) {
      return this.#variant === 'zombie' ? 'pass' : await this.#decided.promise;
    }
    if (this.#variant === 'before') {
      await this.#kill(request);
      return 'drop';
    }
    if (this.#variant === 'zombie') {
      this.#fire('pass');
      await this.#released.promise;
      return 'pass';
    }
    this.#target = request;
    return 'pass';
  }

  async after(request: SeenRequest): Promise<RuleOutcome> {
    if (this.#target !== request) return 'pass';
    if (this.#variant === 'after') await this.#kill(request);
    else this.#fire('pass');
    return 'drop';
  }

  async #kill(request: SeenRequest): Promise<void> {
    const pid = await request.callerPid();
    if (pid === undefined) return;
    await kill(pid);
    this.#fire('drop');
  }

  #fire(others: RuleOutcome): void {
    this.#hasFired = true;
    this.#onFired();
    this.#decided.resolve(others);
  }
}

/** Kills a process that runs on the embedded cloud, and waits until it is dead. */
export async function kill(pid: number): Promise<void> {
  if (pid === process.pid) throw new Error('the crash matrix does not kill itself');
  process.kill(pid, 'SIGKILL');
  while (await isAlive(pid)) await sleep(POLL_MS);
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  // `pid (name) state …`: a zombie process is dead and waits for its parent.
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
