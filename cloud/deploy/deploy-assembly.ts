import {
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  type CloudFormationClient,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACCOUNT, REGION } from '../account.ts';
import type { Asset, AssemblyStack } from '../assembly/read-assembly.ts';
import type { AwsClients } from '../aws-clients.ts';
import { CloudError } from '../cloud-error.ts';
import { zipFolder } from './zip-folder.ts';

const POLL_MS = 100;
const STACK_TIMEOUT_MS = 120_000;
/** What `cdk bootstrap` writes; the templates' rules ask for 6 or more. */
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
const BOOTSTRAP_VERSION = '30';

/** Outputs of every stack: stack name → output key → value. */
export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Deploys the stacks of an assembly as `cdk deploy --all` would, with the same templates and assets but without the
 * seconds that the command line needs to start and to poll.
 *
 * @throws CloudError with the reasons that CloudFormation gives
 */
export async function deployAssembly(
  clients: AwsClients,
  stacks: readonly AssemblyStack[],
  onProgress: (message: string) => void,
): Promise<StackOutputs> {
  await uploadAssets(
    clients,
    stacks.flatMap((stack) => stack.assets),
  );
  await clients.ssm.send(
    new PutParameterCommand({
      Name: BOOTSTRAP_PARAMETER,
      Value: BOOTSTRAP_VERSION,
      Type: 'String',
      Overwrite: true,
    }),
  );
  const outputs: Record<string, Record<string, string>> = {};
  for (const stack of stacks) {
    onProgress(`deploying ${stack.name}`);
    const deployed = await deployStack(clients, stack);
    outputs[stack.name] = Object.fromEntries(
      (deployed.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey ?? '', OutputValue ?? '']),
    );
  }
  return outputs;
}

async function uploadAssets({ s3 }: AwsClients, assets: readonly Asset[]): Promise<void> {
  const unique = new Map(assets.map((asset) => [`${asset.bucket}/${asset.key}`, asset]));
  const buckets = new Set([...unique.values()].map((asset) => resolvePlaceholders(asset.bucket)));
  for (const bucket of buckets) await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await Promise.all(
    [...unique.values()].map(async ({ path, packaging, bucket, key }) => {
      const body = packaging === 'zip' ? await zipFolder(path) : await readFile(path);
      await s3.send(
        new PutObjectCommand({
          Bucket: resolvePlaceholders(bucket),
          Key: resolvePlaceholders(key),
          Body: body,
        }),
      );
    }),
  );
}

function resolvePlaceholders(text: string): string {
  return text
    .replaceAll('${AWS::AccountId}', ACCOUNT)
    .replaceAll('${AWS::Region}', REGION)
    .replaceAll('${AWS::Partition}', 'aws');
}

/** A template in a request has so many bytes at most; a larger one is read from a bucket. */
const MAX_BODY_BYTES = 51_200;
/** Where `cdk bootstrap` has a bucket of the account's. */
const TEMPLATE_BUCKET = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;

async function templateOf(
  { s3, endpoint }: AwsClients,
  { name, template }: AssemblyStack,
): Promise<{ readonly TemplateBody: string } | { readonly TemplateURL: string }> {
  const body = JSON.stringify(JSON.parse(template));
  if (Buffer.byteLength(body) <= MAX_BODY_BYTES) return { TemplateBody: body };
  const key = `templates/${name}.json`;
  await s3.send(new CreateBucketCommand({ Bucket: TEMPLATE_BUCKET }));
  await s3.send(new PutObjectCommand({ Bucket: TEMPLATE_BUCKET, Key: key, Body: body }));
  return { TemplateURL: `${endpoint}/${TEMPLATE_BUCKET}/${key}` };
}

async function deployStack(clients: AwsClients, stack: AssemblyStack): Promise<Stack> {
  const client = clients.cloudFormation;
  const input = {
    StackName: stack.name,
    ...(await templateOf(clients, stack)),
    Capabilities: [
      'CAPABILITY_IAM' as const,
      'CAPABILITY_NAMED_IAM' as const,
      'CAPABILITY_AUTO_EXPAND' as const,
    ],
  };
  try {
    const isNew = (await describe(client, stack.name)) === undefined;
    await client.send(isNew ? new CreateStackCommand(input) : new UpdateStackCommand(input));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!error.message.includes('No updates are to be performed'))
      throw notDeployed(stack.name, error.message, error);
  }
  return waitForStack(client, stack.name);
}

function notDeployed(name: string, reason: string, cause?: Error): CloudError {
  return new CloudError(
    `The stack ${name} could not be deployed to the embedded cloud: ${reason}`,
    'If the emulator lacks a resource type, leave the type out where infra leaves out what the embedded cloud does not get.',
    { cause },
  );
}

async function waitForStack(client: CloudFormationClient, name: string): Promise<Stack> {
  const giveUpAtMs = Date.now() + STACK_TIMEOUT_MS;
  for (;;) {
    const stack = await describe(client, name);
    const status = stack?.StackStatus ?? 'DELETE_COMPLETE';
    if (stack !== undefined && (status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE')) return stack;
    if (!status.endsWith('_IN_PROGRESS') || Date.now() > giveUpAtMs) {
      throw notDeployed(name, `${status}\n${await failures(client, name)}`);
    }
    await sleep(POLL_MS);
  }
}

async function describe(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const stack = Stacks?.[0];
    return stack?.StackStatus === 'DELETE_COMPLETE' ? undefined : stack;
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not exist')) return undefined;
    throw error;
  }
}

async function failures(client: CloudFormationClient, name: string): Promise<string> {
  const { StackEvents } = await client.send(new DescribeStackEventsCommand({ StackName: name }));
  const failed = (StackEvents ?? []).filter((event) => event.ResourceStatus?.endsWith('_FAILED'));
  const lines = failed.map(
    (event) =>
      `    ${String(event.LogicalResourceId)} (${String(event.ResourceType)}): ${String(event.ResourceStatusReason)}`,
  );
  return lines.length > 0 ? lines.reverse().join('\n') : '    CloudFormation gives no reason';
}
