import type { Design } from './design.ts';
import { modelExtract } from './model-extract.ts';
import { modelLanding } from './model-landing.ts';
import { modelLogSlice, modelLogTask } from './model-log.ts';
import { modelPull } from './model-pull.ts';
import { modelQueue } from './model-queue.ts';
import { modelStream } from './model-stream.ts';
import type { ModelledUsage } from './modelled-usage.ts';
import type { Workload } from './workload.ts';

/**
 * What a source uses in a month, in a design. Counted from what the code of each lane does; storage of the lake, queries
 * and the source itself are left out, as are metrics and alarms (`modelOperating`).
 */
export function modelUsage(workload: Workload, design: Design): ModelledUsage {
  switch (design.kind) {
    case 'stream':
      return modelStream(workload, design);
    case 'landing':
      return modelLanding(workload, design);
    case 'queue':
      return modelQueue(workload, design);
    case 'pull':
      return modelPull(workload, design);
    case 'extract':
      return modelExtract(workload, design);
    case 'log-slice':
      return modelLogSlice(workload, design);
    case 'log-task':
      return modelLogTask(workload, design);
  }
}
