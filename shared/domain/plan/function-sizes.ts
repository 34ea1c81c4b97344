/** How one function is sized. */
export interface FunctionSize {
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** Scratch space under /tmp. */
  readonly ephemeralStorageMiB: number;
}

/** 1769 MiB are one full vCPU. Parsing and compressing are bound by CPU, so more memory costs the same per record. */
const ONE_VCPU_MIB = 1769;

/** The sizes that functions are deployed with, and priced by. */
export const FUNCTION_SIZES = {
  push: { memoryMiB: ONE_VCPU_MIB, timeoutSeconds: 25, ephemeralStorageMiB: 512 },
  stream: { memoryMiB: ONE_VCPU_MIB, timeoutSeconds: 120, ephemeralStorageMiB: 1024 },
  // A batch of 256 MiB takes some 450 MB of memory, and as much scratch space as it has bytes.
  land: { memoryMiB: ONE_VCPU_MIB, timeoutSeconds: 900, ephemeralStorageMiB: 1024 },
  // Mostly waits for other people's servers; a run ends at its deadline and the next one continues.
  pull: { memoryMiB: 1024, timeoutSeconds: 900, ephemeralStorageMiB: 1024 },
  // Databases are read as fast as rows can be compressed.
  extract: { memoryMiB: ONE_VCPU_MIB, timeoutSeconds: 900, ephemeralStorageMiB: 1024 },
  // Waits for tables and logs.
  watch: { memoryMiB: 256, timeoutSeconds: 300, ephemeralStorageMiB: 512 },
} as const satisfies Readonly<Record<string, FunctionSize>>;

/** Names of the functions, which are those of their lanes; `watch` watches over all of them. */
export type FunctionName = keyof typeof FUNCTION_SIZES;
