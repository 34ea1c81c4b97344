import { join } from 'node:path';
import { execa } from 'execa';
import { projectDir } from '../../cloud/paths.ts';
import type { Cloud } from '../../cloud/start-cloud.ts';

/** What one operator has replayed. */
export interface OperatorReport {
  documents: number;
  /** Stream records in them. */
  records: number;
  /** Stream records that were in the lake when their replay began. */
  alreadyLanded: number;
  commits: number;
}

const OPERATORS = 2;

/**
 * Lets two operators at once, each a process of its own, replay everything that is parked.
 *
 * @param configFile the configuration that is deployed
 * @throws Error when an operator fails
 */
export async function redrive(
  cloud: Cloud,
  configFile: string,
  signal: AbortSignal,
): Promise<OperatorReport[]> {
  const destination = cloud.poller.mappings
    .map(({ onFailureArn }) => onFailureArn)
    .find((arn) => arn !== undefined);
  const env = {
    ...cloud.env,
    ...(cloud.faultProxy && { AWS_ENDPOINT_URL: cloud.faultProxy.endpoint }),
    DEAD_LETTER_BUCKET: destination?.split(':').at(-1) ?? '',
    LAKE_BUCKET: cloud.output('LakeBucketName'),
    CLAIMS_TABLE: cloud.output('ClaimsTableName'),
    LEDGER_TABLE: cloud.output('LedgerTableName'),
    SOURCE_STREAMS: cloud.output('SourceStreams'),
    SOAK_CONFIG: configFile,
  };
  return await Promise.all(
    Array.from({ length: OPERATORS }, async () => {
      const { stdout } = await execa(
        process.execPath,
        ['--no-warnings', join('test', 'soak', 'operator.ts')],
        {
          cwd: projectDir,
          env,
          cancelSignal: signal,
        },
      );
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as OperatorReport;
    }),
  );
}
