/** Raw bytes per byte, of a frame and of a gzip body. */
export interface Compression {
  readonly frame: number;
  readonly request: number;
}

/**
 * Measured on the events of the benchmarks (nested, 980 bytes each), 1 to 3,000 in a request: few records have little in
 * common, and each frame has a header. Raw bytes, frame, gzip.
 */
const MEASURED: readonly (readonly [rawBytes: number, frame: number, request: number])[] = [
  [980, 1.17, 1.51],
  [1_960, 1.63, 2.01],
  [4_900, 2.27, 2.66],
  [9_800, 2.72, 3.12],
  [19_600, 3.04, 3.5],
  [49_000, 3.35, 3.88],
  [98_000, 3.47, 4.06],
  [196_000, 3.57, 4.17],
  [490_000, 3.66, 4.23],
  [980_000, 3.69, 4.25],
  [2_940_000, 3.73, 4.27],
];

/** How well a request of so many raw bytes compresses, and the frame that it becomes: between what was measured. */
export function compressionOf(rawBytes: number): Compression {
  const after = MEASURED.findIndex(([bytes]) => bytes >= rawBytes);
  const high = MEASURED[after === -1 ? MEASURED.length - 1 : after] ?? [0, 1, 1];
  const low = after <= 0 ? high : (MEASURED[after - 1] ?? high);
  const part = high === low ? 0 : Math.log(rawBytes / low[0]) / Math.log(high[0] / low[0]);
  return { frame: low[1] + (high[1] - low[1]) * part, request: low[2] + (high[2] - low[2]) * part };
}
