import { scaleUsage, type Usage } from './usage.ts';

/**
 * Divides what one invocation used among the sources that it worked for: by their shares of its raw bytes, or equally
 * when none of them had any. The parts add up to the whole.
 *
 * @param rawBytes by source
 */
export function attributeUsage(
  usage: Usage,
  rawBytes: ReadonlyMap<string, number>,
): ReadonlyMap<string, Usage> {
  const total = [...rawBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const shareOf = (bytes: number): number => (total > 0 ? bytes / total : 1 / rawBytes.size);
  return new Map([...rawBytes].map(([source, bytes]) => [source, scaleUsage(usage, shareOf(bytes))]));
}
