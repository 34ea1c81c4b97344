import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { projectDir } from '../../cloud/paths.ts';
import type { Cloud } from '../../cloud/start-cloud.ts';
import { ageParked, listParked } from '../support/parked-deliveries.ts';

/** What one operator has replayed. */
export interface OperatorReport {
  /** Parked deliveries. */
  readonly documents: number;
  /** Records that this operator has landed. */
  readonly landed: number;
  readonly duplicates: number;
  /** Stream records that were in the lake when their replay began. */
  readonly alreadyDone: number;
}

type Counts = Omit<OperatorReport, 'documents'>;

const OPERATORS = 2;
/** A store may fail an operator; the command is then given once more. */
const MAX_ATTEMPTS = 4;

/**
 * Lets two operators at once replay everything that is parked, each with a command of its own.
 *
 * @param configFile the configuration that is deployed
 * @returns what each has done; nothing where nothing is parked
 * @throws Error when an operator fails again and again
 */
export async function redrive(
  cloud: Cloud,
  s3: S3Client,
  configFile: string,
  signal: AbortSignal,
): Promise<OperatorReport[]> {
  const bucket = cloud.output('LakeBucketName');
  const keys = await listParked(s3, bucket);
  for (const key of keys) await ageParked(s3, bucket, key);
  if (keys.length === 0) return [];
  const env = {
    ...cloud.env,
    ...(cloud.faultProxy && { AWS_ENDPOINT_URL: cloud.faultProxy.endpoint }),
  };
  const command = ['dlq', 'replay', ...keys, '--json', '--config', configFile];
  const operate = async (): Promise<OperatorReport> => {
    for (let attempt = 1; ; attempt++) {
      const { failed, stdout, stderr } = await execa(
        process.execPath,
        [join(projectDir, 'cli', 'headgate.mjs'), ...command],
        { cwd: projectDir, env, cancelSignal: signal, reject: false },
      );
      signal.throwIfAborted();
      if (!failed) return toReport(JSON.parse(stdout) as Counts[]);
      if (attempt === MAX_ATTEMPTS) throw new Error(`an operator fails: ${stderr.slice(-1000)}`);
    }
  };
  return await Promise.all(Array.from({ length: OPERATORS }, operate));
}

function toReport(objects: readonly Counts[]): OperatorReport {
  const sum = (name: keyof Counts): number => objects.reduce((total, object) => total + object[name], 0);
  return {
    documents: objects.length,
    landed: sum('landed'),
    duplicates: sum('duplicates'),
    alreadyDone: sum('alreadyDone'),
  };
}
