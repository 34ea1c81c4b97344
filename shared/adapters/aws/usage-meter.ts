import { lambdaGbSeconds } from '../../domain/cost/metering.ts';
import type { MeteredAmounts } from '../../domain/cost/metered-prices.ts';
import { addUsage, type Usage } from '../../domain/cost/usage.ts';
import type { InvocationStart } from '../../ports/telemetry.ts';

/** What was used since it was last taken. */
export interface MeteredUsage {
  readonly usage: Usage;
  /** CPU time of the process, all of its threads together, in ms. */
  readonly cpuMs: number;
}

/** Clocks of a process. */
export interface ProcessClocks {
  /** Time that passes, in ms from any point on. */
  readonly wallMs: () => number;
  /** CPU time since the process started, in ms. */
  readonly cpuMs: () => number;
}

const PROCESS: ProcessClocks = {
  wallMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/**
 * Counts what the invocations of one process are billed for. A process has one, which all of its AWS clients and its
 * telemetry share; a Lambda function serves one invocation at a time, so what is counted between its start and its end is
 * its own.
 */
export class UsageMeter {
  readonly #clocks: ProcessClocks;
  #usage: Usage = {};
  #cpuMs = 0;
  #invocation: { readonly memoryMiB: number; readonly wallMs: number; readonly cpuMs: number } | undefined;
  #isFirst = true;

  constructor(clocks: ProcessClocks = PROCESS) {
    this.#clocks = clocks;
  }

  /** Adds what one call is billed as. */
  add(usage: MeteredAmounts): void {
    this.#usage = addUsage(this.#usage, usage);
  }

  /** An invocation begins. Before the first one, what the process computed to get there is billed as its time. */
  begin({ memoryMiB, usage }: Omit<InvocationStart, 'ids'>): void {
    const cpuMs = this.#clocks.cpuMs();
    this.add({ lambdaRequest: 1 });
    this.add(usage);
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#cpuMs += cpuMs;
      this.add({ lambdaArmGbSecond: lambdaGbSeconds(cpuMs, memoryMiB) });
    }
    this.#invocation = { memoryMiB, cpuMs, wallMs: this.#clocks.wallMs() };
  }

  /** The invocation ends: its time is counted. What it used stays until it is taken. */
  end(): void {
    if (this.#invocation === undefined) return;
    const { memoryMiB, wallMs, cpuMs } = this.#invocation;
    this.#invocation = undefined;
    this.#cpuMs += this.#clocks.cpuMs() - cpuMs;
    this.add({ lambdaArmGbSecond: lambdaGbSeconds(this.#clocks.wallMs() - wallMs, memoryMiB) });
  }

  /** What was used since this was last called. */
  take(): MeteredUsage {
    const taken = { usage: this.#usage, cpuMs: this.#cpuMs };
    this.#usage = {};
    this.#cpuMs = 0;
    return taken;
  }
}
