import type { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { partitionNumber } from '../../shared/domain/object-key.ts';
import { toMark } from '../../shared/domain/pull-marks.ts';
import { judgeRecord } from '../../shared/pipeline/judge-records.ts';
import { toLandedKey, type LandedKeys } from '../../shared/ports/landed-keys.ts';
import { readLines, readQuarantineLines } from './line-table-writer.ts';

/** Looks into the files of `lineTableWriter`. */
export function landedLines(
  lake: MemoryLake,
  pause: () => Promise<void> = () => Promise.resolve(),
): LandedKeys {
  const filesOf = (zone: string, source: string): Uint8Array[] =>
    lake
      .list(`${zone}/${source}/`)
      .filter(({ kind }) => kind === 'data')
      .map(({ bytes }) => bytes);
  return {
    async ofDay(source, day) {
      await pause();
      const records = filesOf('raw', source.name)
        .flatMap(readLines)
        .map(({ raw }) => judgeRecord(source, Buffer.from(raw), 0))
        .filter(({ eventTimeMs }) => day === undefined || partitionNumber('day', eventTimeMs) === day);
      return new Set(records.map(({ fingerprint }) => toLandedKey(fingerprint)));
    },
    async inQuarantine(source) {
      await pause();
      const rows = filesOf('quarantine', source.name).flatMap(readQuarantineLines);
      return new Set(rows.map(({ raw }) => toMark(raw)));
    },
  };
}
