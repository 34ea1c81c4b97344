import {
  createDynamoDbClient,
  createS3Client,
  createSchedulerClient,
  createSqsClient,
} from '../../shared/adapters/aws/clients.ts';
import { DynamoPullControlStore } from '../../shared/adapters/aws/dynamo-pull-control-store.ts';
import { S3BatchStage } from '../../shared/adapters/aws/s3-batch-stage.ts';
import { SchedulerPollSchedule } from '../../shared/adapters/aws/scheduler-poll-schedule.ts';
import { SqsWorkQueue } from '../../shared/adapters/aws/sqs-work-queue.ts';
import type { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import { createLandDeps, type LandEnv } from './create-land-deps.ts';

interface RunEnv extends LandEnv {
  readonly WORK_QUEUE: string;
  readonly SCHEDULE_GROUP: string;
}

/** The engine on AWS with what the functions that read sources on a schedule have beside it. */
export function createRunDeps(
  lane: string,
  env: RunEnv,
  config: HeadgateConfig,
  sources: ReadonlyMap<string, Source>,
  meter: UsageMeter,
): RunSourceDeps & { readonly queue: SqsWorkQueue } {
  return {
    ...createLandDeps(lane, env, config, sources, meter),
    control: new DynamoPullControlStore({
      dynamodb: createDynamoDbClient({ meter }),
      table: env.LEDGER_TABLE,
    }),
    queue: new SqsWorkQueue({ sqs: createSqsClient({ meter }), url: env.WORK_QUEUE }),
    schedule: new SchedulerPollSchedule({
      scheduler: createSchedulerClient({ meter }),
      group: env.SCHEDULE_GROUP,
    }),
    stage: new S3BatchStage({ s3: createS3Client({ meter }), bucket: env.LAKE_BUCKET }),
  };
}
