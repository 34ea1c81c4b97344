import { describe, expect, test } from 'vitest';
import { sourceAlarms } from '../../infra/source-alarms.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import { idleDeployment } from '../../shared/config/plan/idle-deployment.ts';
import { planResources } from '../../shared/config/plan/plan-resources.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import { everyMinutesOf, type Design } from '../../shared/domain/cost/design.ts';
import { modelIdle, modelOperating } from '../../shared/domain/cost/model-operating.ts';
import { priceUsage } from '../../shared/domain/cost/price-usage.ts';
import { everything } from './configs.ts';
import { resourcesOf, synth } from './synth.ts';

/** What CloudWatch bills of an alarm: the metrics that it looks at. */
interface AlarmProperties {
  readonly AlarmName: string;
  readonly Metrics?: readonly { readonly MetricStat?: unknown }[];
}

const billedMetrics = ({ Metrics }: AlarmProperties): number =>
  Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;

const config = defineConfig(everything);
const { sources } = config;
const alarms = resourcesOf(synth(everything), 'AWS::CloudWatch::Alarm').map(
  ({ Properties }) => Properties as unknown as AlarmProperties,
);
const common = { dedupe: 'record', dedupeDays: 7, memoryMiB: 1769 } as const;

function designOf(source: SourceConfig): Design {
  switch (source.type) {
    case 'push':
    case 'webhook':
      return {
        ...common,
        kind: 'landing',
        pattern: 'micro-batch',
        windowMinutes: 5,
        sourcesPerRun: 1,
        edgeMemoryMiB: 1769,
      };
    case 'stream':
      return {
        ...common,
        kind: 'stream',
        pattern: 'stream',
        via: 'producer',
        capacity: { mode: 'provisioned', shards: 1, share: 1, retentionHours: 24 },
        batchingWindowSeconds: 10,
        edgeMemoryMiB: 1769,
      };
    case 'http':
    case 'files':
      return { ...common, kind: 'pull', pattern: 'batch', reads: 'files', everyMinutes: 5 };
    case 'postgres':
    case 'mysql':
      return {
        ...common,
        kind: 'extract',
        pattern: 'batch',
        everyMinutes: 5,
        readsPerRow: 1,
        needsNat: false,
      };
  }
}

const sourceAlarmNames = (name: string, source: SourceConfig): readonly string[] =>
  sourceAlarms(name, source).map(({ id }) => `lab-${id}`);

describe('the alarms that the model prices are those of the templates', () => {
  test.each(Object.entries(sources))('source %s', (name, source) => {
    const names = new Set(sourceAlarmNames(name, source));
    const own = alarms.filter(({ AlarmName }) => names.has(AlarmName));
    expect(own).toHaveLength(names.size);
    const { cloudWatchAlarm } = modelOperating(everyMinutesOf(designOf(source)), {
      watchesSilence: source.alarms.stoppedAfter !== undefined,
      spills: 'overflow' in source && source.overflow === 'spill',
    });
    expect(cloudWatchAlarm).toBe(own.reduce((sum, alarm) => sum + billedMetrics(alarm), 0));
  });

  test.each(Object.entries(sources))(
    'metrics and alarms of %s cost at most $1.50 a month by default',
    (_name, source) => {
      const usage = modelOperating(everyMinutesOf(designOf(source)), {
        watchesSilence: false,
        spills: false,
      });
      expect(priceUsage(usage).usd).toBeLessThanOrEqual(1.5 + 1e-9);
    },
  );

  test('all that belong to no source', () => {
    const ofSources = new Set(
      Object.entries(sources).flatMap(([name, source]) => sourceAlarmNames(name, source)),
    );
    const others = alarms.filter(({ AlarmName }) => !ofSources.has(AlarmName));
    const { cloudWatchAlarm } = modelIdle(idleDeployment(config, planResources(config)));
    expect(cloudWatchAlarm).toBe(others.reduce((sum, alarm) => sum + billedMetrics(alarm), 0));
  });
});
