import type { Command } from 'commander';
import { parseDurationMs } from '../../shared/config/units.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { parseQuarantineKey } from '../../shared/domain/object-key.ts';
import {
  isQuarantineReason,
  QUARANTINE_REASONS,
  UNKNOWN_SOURCE,
  type QuarantineReason,
} from '../../shared/domain/quarantine.ts';
import type { SelectRow } from '../../shared/pipeline/replay/quarantine-file.ts';
import { UsageError } from '../terminal.ts';

/** Options that say which records are meant. */
export interface SelectionOptions {
  readonly source?: string;
  readonly reason?: string;
  readonly from?: string;
  readonly to?: string;
  readonly id?: string;
}

/** Which records of the quarantine are meant. */
export interface Selection {
  readonly source: string | undefined;
  readonly reason: QuarantineReason | undefined;
  /** Whether anything was said. */
  readonly isNarrow: boolean;
  /** Beginning of the keys of all objects that may have such records. */
  readonly prefix: string;
  /** Whether an object may have such records. */
  readonly mayHold: (key: string) => boolean;
  readonly select: SelectRow;
  /** The options as they were written, for the audit trail. */
  readonly asked: string;
}

const DAY_MS = 86_400_000;

/** Gives a command the options of a selection. */
export function addSelection(command: Command): Command {
  return command
    .option('--source <name>', 'only records of this source')
    .option(
      '--reason <reason>',
      `only records with this reason: ${Object.keys(QUARANTINE_REASONS).join(', ')}`,
    )
    .option(
      '--from <time>',
      'received at this time or later: "2026-01-31", "2026-01-31T10:00:00Z", or "2 days" ago',
    )
    .option('--to <time>', 'received before this time')
    .option('--id <identity>', 'only the record with this identity');
}

/**
 * Reads a selection.
 *
 * @throws UsageError that names the option and what it takes
 */
export function parseSelection(options: SelectionOptions, config: HeadgateConfig, nowMs: number): Selection {
  const { source, reason, from, to, id } = options;
  if (source !== undefined && source !== UNKNOWN_SOURCE) requireSource(config, source, '--source');
  if (reason !== undefined && !isQuarantineReason(reason)) {
    throw new UsageError(
      `--reason ${JSON.stringify(reason)} is not known; there are: ${Object.keys(QUARANTINE_REASONS).join(', ')}`,
    );
  }
  const fromMs = from === undefined ? -Infinity : parseTime(from, '--from', nowMs);
  const toMs = to === undefined ? Infinity : parseTime(to, '--to', nowMs);
  if (fromMs >= toMs) throw new UsageError(`--from ${from ?? ''} is not before --to ${to ?? ''}`);
  const given = Object.entries({ source, reason, from, to, id }).filter(([, value]) => value !== undefined);
  return {
    source,
    reason,
    isNarrow: given.length > 0,
    prefix: `quarantine/${source === undefined ? '' : `${source}/${reason === undefined ? '' : `reason=${reason}/`}`}`,
    mayHold: (key) => {
      const place = parseQuarantineKey(key);
      if (place === undefined) return false;
      const dayMs = Date.parse(place.day);
      return (
        (source === undefined || place.source === source) &&
        (reason === undefined || place.reason === reason) &&
        !(dayMs + DAY_MS <= fromMs || dayMs >= toMs)
      );
    },
    select: (row) =>
      (id === undefined || row.id === id) && row.receivedAtMs >= fromMs && row.receivedAtMs < toMs,
    asked: given.map(([name, value]) => `--${name} ${JSON.stringify(value)}`).join(' '),
  };
}

/** @throws UsageError when a source is not declared */
export function requireSource(config: HeadgateConfig, name: string, option: string): void {
  if (config.sources[name] !== undefined) return;
  throw new UsageError(
    `${option} ${name} is not declared in the configuration; there are: ${Object.keys(config.sources).join(', ')}`,
  );
}

/**
 * A point in time: a date, a date with a time, or so long ago.
 *
 * @throws UsageError that names the option
 */
export function parseTime(text: string, option: string, nowMs: number): number {
  const agoMs = parseDurationMs(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(
    `${option} ${JSON.stringify(text)} is no time; write "2026-01-31", "2026-01-31T10:00:00Z", or how long ago: "2 days"`,
  );
}
