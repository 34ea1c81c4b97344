import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { createAwsClients, type AwsClients } from '../cloud/aws-clients.ts';
import { CloudError } from '../cloud/cloud-error.ts';
import { startCloud, type Cloud } from '../cloud/start-cloud.ts';
import type { ConnectOptions } from '../shared/adapters/aws/clients.ts';
import { createLakeView, type LakeView } from '../shared/adapters/aws/s3-lake-view.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { issueWriteKey } from './issue-write-key.ts';
import { prepareData, type DemoData } from './data/prepare.ts';
import type { DemoOptions } from './demo-options.ts';

/** Everything a run of the demo works with. */
export interface DemoStage {
  readonly data: DemoData;
  readonly api: ApiServer;
  readonly cloud: Cloud;
  readonly clients: AwsClients;
  readonly connection: ConnectOptions;
  readonly lake: LakeView;
  /** By source. */
  readonly writeKeys: ReadonlyMap<string, string>;
}

const CONFIG = 'demo/headgate.config.ts';
const URL_PARAMETER = '/headgate-demo/birdstrikes/url';

/** What the embedded cloud needs and everything it is asked about takes; nothing is read from the environment. */
export function toConnection(endpoint: string): ConnectOptions {
  return { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}

/** Prepares the data, starts the cloud with Headgate deployed to it and the API; `stack` stops them. */
export async function setUp(options: DemoOptions, stack: AsyncDisposableStack): Promise<DemoStage> {
  const phase = options.progress.start('Starting the embedded cloud and deploying Headgate to it');
  try {
    const starting = startCloud({
      config: CONFIG,
      mayUseRunning: options.mayUseRunning,
      onProgress: (message) => {
        phase.update(message);
      },
      onPollerEvent: options.onPollerEvent,
    });
    stack.defer(async () => {
      // A cloud that never came up has cleaned up after itself.
      const [started] = await Promise.allSettled([starting]);
      if (started.status === 'fulfilled') await started.value.stop();
    });
    const [cloud, data] = await Promise.all([starting, prepareData(options.scale)]);
    options.signal.throwIfAborted();
    const clients = createAwsClients(cloud.endpoint);
    stack.defer(() => {
      clients.destroy();
    });
    const lake = createLakeView(clients.s3, cloud.output('LakeBucketName'));
    if ((await lake.list()).length > 0) {
      throw new CloudError(
        `The emulator at ${cloud.endpoint} holds the lake of an earlier run, which this one would add to.`,
        `Unset AWS_ENDPOINT_URL, or empty the emulator: curl -X POST ${cloud.endpoint}/_ministack/reset`,
      );
    }
    const api = await startApiServer(data.birdStrikes, data.birdStrikesAtFirst);
    stack.defer(() => api.stop());
    await clients.ssm.send(
      new PutParameterCommand({ Name: URL_PARAMETER, Value: api.url, Type: 'String', Overwrite: true }),
    );
    const connection = toConnection(cloud.endpoint);
    const writeKeys = new Map<string, string>();
    for (const source of new Set(data.requests.map((request) => request.source))) {
      writeKeys.set(source, await issueWriteKey(connection, cloud.output('AccessTableName'), source));
    }
    phase.done(cloud.endpoint);
    return { data, api, cloud, clients, connection, lake, writeKeys };
  } catch (error) {
    phase.fail();
    throw error;
  }
}
