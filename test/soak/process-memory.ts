import { execa } from 'execa';

/** In the command of every process that the emulator starts for a function. */
const WORKER = 'ministack-lambda';

/** Resident memory in MB, of this process and those that it has started. */
export interface MemorySample {
  readonly atMs: number;
  readonly soak: number;
  readonly emulator: number;
  /** All workers that run functions, together. */
  readonly functions: number;
  readonly workers: number;
}

/** Asks the operating system for the memory of this process and all of its descendants. */
export async function sampleMemory(atMs: number): Promise<MemorySample> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid=,rss=,args=']);
  const processes = stdout.split('\n').flatMap((line) => {
    const [, pid, parent, kilobytes, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return command === undefined
      ? []
      : [{ pid: Number(pid), parent: Number(parent), megabytes: Number(kilobytes) / 1024, command }];
  });
  const sample = { atMs, soak: 0, emulator: 0, functions: 0, workers: 0 };
  const family = new Set([process.pid]);
  // Parents have been listed before their children only by chance.
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const { pid, parent } of processes) if (family.has(parent)) family.add(pid);
  }
  for (const { pid, megabytes, command } of processes) {
    if (!family.has(pid)) continue;
    if (pid === process.pid) sample.soak += megabytes;
    else if (command.includes(WORKER)) {
      sample.functions += megabytes;
      sample.workers++;
    } else if (command.includes('ministack')) sample.emulator += megabytes;
  }
  return sample;
}
