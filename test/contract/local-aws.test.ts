import { describe } from 'vitest';
import { EmfTelemetry } from '../../shared/adapters/aws/emf-telemetry.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { clockContract } from './clock.suite.ts';
import { telemetryContract } from './telemetry.suite.ts';

type Line = Readonly<Record<string, unknown>>;

/* Adapters that need no service; those that do run in test/integration/adapters. */
describe('AWS, without services', () => {
  clockContract({ open: () => systemClock });
  telemetryContract({
    open: () => {
      const lines: Line[] = [];
      const telemetry = new EmfTelemetry({
        lane: 'stream',
        clock: systemClock,
        write: (line) => void lines.push(JSON.parse(line) as Line),
      });
      const of = (source: string): Line[] =>
        lines.filter((line) => '_aws' in line && line['source'] === source);
      return {
        telemetry,
        total: (metric, source) => of(source).reduce((sum, line) => sum + Number(line[metric] ?? 0), 0),
        distribution: (metric, source) => {
          const times = new Map<number, number>();
          for (const line of of(source)) {
            const part = line[metric] as { readonly Values: number[]; readonly Counts: number[] };
            part.Values.forEach((value, i) =>
              times.set(value, (times.get(value) ?? 0) + (part.Counts[i] ?? 0)),
            );
          }
          return times;
        },
        logs: () =>
          lines.map((line) => ({
            level: String(line['level']),
            message: String(line['message']),
            fields: line,
          })),
      };
    },
  });
});
