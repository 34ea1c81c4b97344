import { paginateGetParametersByPath } from '@aws-sdk/client-ssm';
import { planParameterPath } from '../../config/plan/deployed-plan.ts';
import { createSsmClient } from './clients.ts';
import { requireRegion } from './require-region.ts';
import { callAws } from './translate-error.ts';

/** Nobody waits long for what is only compared with. */
const TIMEOUTS = { callMs: 3_000, attemptMs: 3_000 };

/**
 * The texts that a deployment keeps of its plan; none where there is no such deployment, or one of an older version.
 *
 * @throws HeadgateError when the account cannot be reached with the credentials, the region and the endpoint of the
 *   environment
 */
export async function readDeployedPlan(name: string): Promise<readonly string[]> {
  const ssm = createSsmClient({ timeouts: TIMEOUTS });
  const path = planParameterPath(name);
  try {
    await requireRegion(ssm);
    return await callAws({ operation: 'GetParametersByPath', resource: path }, async () => {
      const texts: string[] = [];
      const pages = paginateGetParametersByPath({ client: ssm }, { Path: path });
      for await (const { Parameters: parameters = [] } of pages)
        texts.push(...parameters.flatMap(({ Value: value }) => value ?? []));
      return texts;
    });
  } finally {
    ssm.destroy();
  }
}
