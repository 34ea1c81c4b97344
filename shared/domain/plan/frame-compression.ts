/**
 * Raw bytes per byte of a frame, by the raw bytes in it. Measured on the events of the benchmarks (nested, 980 bytes
 * each, frames of 1 to 3,000): what few records have in common is little, and each frame has a header.
 */
const MEASURED: readonly (readonly [rawBytes: number, compression: number])[] = [
  [980, 1.17],
  [1_960, 1.63],
  [4_900, 2.27],
  [9_800, 2.72],
  [19_600, 3.04],
  [49_000, 3.35],
  [98_000, 3.47],
  [196_000, 3.57],
  [490_000, 3.66],
  [980_000, 3.69],
  [2_940_000, 3.73],
];

/** How well a frame of so many raw bytes compresses: raw bytes per byte of the frame, between what was measured. */
export function frameCompression(rawBytes: number): number {
  const after = MEASURED.findIndex(([bytes]) => bytes >= rawBytes);
  const [highBytes, high] = MEASURED[after === -1 ? MEASURED.length - 1 : after] ?? [0, 1];
  if (after <= 0) return high;
  const [lowBytes, low] = MEASURED[after - 1] ?? [highBytes, high];
  return low + ((high - low) * Math.log(rawBytes / lowBytes)) / Math.log(highBytes / lowBytes);
}
