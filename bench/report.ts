import { cpus } from 'node:os';
import color from 'picocolors';

/** A number with at most so many digits behind the point. */
export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A figure in green when it is what it should be, in red when it is not. */
export function verdict(isGood: boolean, text: string): string {
  return isGood ? color.green(text) : color.red(text);
}

/** What the figures were measured on. */
export function describeMachine(): string {
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${String(cpus().length)} cores, Node ${process.version}`;
}
