import { seededFaults } from '../shared/adapters/faults/fault-plan.ts';
import { applyDroppedSettings } from './after-deploy/apply-dropped-settings.ts';
import { readAssembly, type AssemblyStack } from './assembly/read-assembly.ts';
import { headgateApp, type CdkApp } from './assembly/cdk-app.ts';
import { synthesise } from './assembly/synthesise.ts';
import { createAwsClients, toCloudEnv, type AwsClients } from './aws-clients.ts';
import { CloudError } from './cloud-error.ts';
import { deployAssembly, type StackOutputs } from './deploy/deploy-assembly.ts';
import { claimPort, freePort } from './emulator/free-port.ts';
import { findEmulator } from './emulator/find-emulator.ts';
import { isHealthy, startEmulator } from './emulator/start-emulator.ts';
import {
  createFailureDestination,
  createInvoker,
  createShardReader,
  systemClock,
} from './event-source-poller/aws-adapters.ts';
import type { PollerEvent } from './event-source-poller/deliver-batch.ts';
import type { DeliveryFaults } from './event-source-poller/delivery-faults.ts';
import { startEventSourcePoller, type EventSourcePoller } from './event-source-poller/event-source-poller.ts';
import { takeOverMappings } from './event-source-poller/take-over-mappings.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy/fault-proxy.ts';
import { routeFunctions } from './fault-proxy/route-functions.ts';
import { describeStoreFaults, type StoreFaults } from './fault-proxy/store-faults.ts';

export interface EmulatorOptions {
  /** Port of the emulator; any free one by default. */
  readonly port?: number | undefined;
  /** Whether `AWS_ENDPOINT_URL` may name an emulator that runs already; true by default. */
  readonly mayUseRunning?: boolean;
  /** Told in one sentence what is being done. */
  readonly onProgress?: (message: string) => void;
}

export interface CloudOptions extends EmulatorOptions {
  /** The configuration file, relative to the project or absolute. */
  readonly config: string;
  /** The CDK app; Headgate by default. */
  readonly app?: CdkApp;
  /** What goes wrong between streams and functions. */
  readonly faults?: DeliveryFaults;
  /** What goes wrong between functions and the stores they call; with it, their calls go through a proxy. */
  readonly storeFaults?: StoreFaults;
  /** Told what the event-source poller sees. */
  readonly onPollerEvent?: (event: PollerEvent) => void;
}

/** The emulator alone, with nothing deployed. */
export interface EmptyCloud {
  /** For example `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  /** What a process needs in its environment for its AWS clients to reach this cloud. */
  readonly env: Readonly<Record<string, string>>;
  /** Resolves with the reason when the emulator ends without having been stopped; never if it was not started here. */
  readonly died: Promise<CloudError>;
  /** Stops everything that was started; nothing is left behind. */
  stop(): Promise<void>;
}

/** The embedded cloud with the CDK app deployed and its streams being carried to its functions. */
export interface Cloud extends EmptyCloud {
  /** Outputs of every stack; URLs of APIs are ones that can be called. */
  readonly outputs: StackOutputs;
  readonly poller: EventSourcePoller;
  /** What the functions' calls go through, if store faults were asked for. */
  readonly faultProxy: FaultProxy | undefined;
  /**
   * Deploys the app once more, with another configuration of the same name, while streams go on being carried.
   *
   * @param configFile relative to the project or absolute
   */
  redeploy(configFile: string): Promise<void>;
  /**
   * The value of an output, whichever stack has it.
   *
   * @throws CloudError that lists the outputs there are
   */
  output(key: string): string;
}

/**
 * Starts the embedded cloud without deploying anything.
 *
 * @throws CloudError that says what to do
 */
export async function startEmptyCloud(options: EmulatorOptions = {}): Promise<EmptyCloud> {
  const { port = 0, mayUseRunning = true, onProgress = () => undefined } = options;
  const emulator = await findEmulator({ mayUseRunning, onProgress });
  if ('endpoint' in emulator) {
    const { endpoint } = emulator;
    if (!(await isHealthy(endpoint))) {
      throw new CloudError(
        `AWS_ENDPOINT_URL is ${endpoint}, and no MiniStack answers there.`,
        'Start it, or unset AWS_ENDPOINT_URL: an emulator is then started for you.',
      );
    }
    onProgress(`using the emulator at ${endpoint}`);
    return {
      endpoint,
      env: toCloudEnv(endpoint),
      died: new Promise(() => undefined),
      stop: () => Promise.resolve(),
    };
  }
  const running = await startEmulator(emulator, port === 0 ? await freePort() : await claimPort(port));
  onProgress(`the emulator runs at ${running.endpoint}`);
  return { ...running, env: toCloudEnv(running.endpoint) };
}

/**
 * Starts the embedded cloud, deploys the CDK app and starts the event-source poller.
 *
 * @throws CloudError that says what to do; nothing is left running then
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { app = headgateApp, config, onProgress = () => undefined } = options;
  // The emulator starts while the app is synthesised.
  const starting = startEmptyCloud(options);
  const [started, synthesised] = await Promise.allSettled([
    starting,
    synthesise({ app, config, onProgress }),
  ]);
  if (started.status === 'rejected') throw started.reason;
  const cloud = started.value;
  const clients = createAwsClients(cloud.endpoint);
  let faultProxy: FaultProxy | undefined;
  const stop = async (): Promise<void> => {
    clients.destroy();
    await cloud.stop();
    await faultProxy?.stop();
  };
  try {
    if (synthesised.status === 'rejected') throw synthesised.reason;
    const stacks = await readAssembly(synthesised.value);
    if (options.storeFaults !== undefined) {
      onProgress(`faults between functions and stores, ${describeStoreFaults(options.storeFaults)}`);
      faultProxy = await startProxy(cloud.endpoint, options.storeFaults);
    }
    const deployed = await deploy(clients, stacks, faultProxy, onProgress);
    const outputs = toCallableUrls(deployed, cloud.endpoint);
    const poller = await startPoller(clients, stacks, options);
    return {
      ...cloud,
      outputs,
      output: (key) => findOutput(outputs, key),
      poller,
      faultProxy,
      redeploy: async (configFile) => {
        const changed = await readAssembly(await synthesise({ app, config: configFile, onProgress }));
        await deploy(clients, changed, faultProxy, onProgress);
        // An update may have switched the emulator's own poller on again.
        await takeOverMappings(clients, changed);
      },
      stop: async () => {
        await poller.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function deploy(
  clients: AwsClients,
  stacks: readonly AssemblyStack[],
  faultProxy: FaultProxy | undefined,
  onProgress: (message: string) => void,
): Promise<StackOutputs> {
  const outputs = await deployAssembly(clients, stacks, onProgress);
  await applyDroppedSettings(clients, stacks);
  if (faultProxy !== undefined) await routeFunctions(clients, stacks, faultProxy.endpoint);
  return outputs;
}

function startProxy(target: string, { seed, rates }: StoreFaults): Promise<FaultProxy> {
  return startFaultProxy({ target, plan: seededFaults(seed, rates) });
}

async function startPoller(
  clients: AwsClients,
  stacks: readonly AssemblyStack[],
  options: CloudOptions,
): Promise<EventSourcePoller> {
  return startEventSourcePoller({
    mappings: await takeOverMappings(clients, stacks),
    reader: createShardReader(clients.kinesis),
    invoker: createInvoker(clients.invoke),
    destination: createFailureDestination(clients.s3, clients.sqs),
    clock: systemClock,
    faults: options.faults,
    ...(options.onPollerEvent && { onEvent: options.onPollerEvent }),
  });
}

/** Replaces host names of APIs, which no DNS server here knows, by the emulator's path for them. */
export function toCallableUrls(outputs: StackOutputs, endpoint: string): StackOutputs {
  const toUrl = (value: string): string =>
    value.replace(
      /^https?:\/\/([a-z0-9]+)\.execute-api\.[^/]+/,
      (_, apiId: string) => `${endpoint}/_aws/execute-api/${apiId}/$default`,
    );
  const toUrls = (values: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, toUrl(value)]));
  return Object.fromEntries(Object.entries(outputs).map(([stack, values]) => [stack, toUrls(values)]));
}

function findOutput(outputs: StackOutputs, key: string): string {
  const all: Readonly<Record<string, string | undefined>> = Object.assign(
    {},
    ...Object.values(outputs),
  ) as Record<string, string>;
  const value = all[key];
  if (value !== undefined) return value;
  throw new CloudError(
    `No deployed stack has an output ${key}.`,
    `There are: ${Object.keys(all).sort().join(', ')}.`,
  );
}
