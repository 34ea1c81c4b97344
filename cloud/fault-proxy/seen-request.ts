import type { IncomingMessage } from 'node:http';

/** A service of AWS by the name in its endpoint; `other` is what nobody puts faults under. */
type ServiceName = 'dynamodb' | 'kinesis' | 's3' | 'ssm' | 'other';

/** A call to AWS as the proxy sees it on the wire. */
export interface SeenRequest {
  readonly service: ServiceName;
  /** The API's name, e.g. `PutItem` or `PutObject`. */
  readonly operation: string;
  /** 1 for the first attempt of a call, as the SDK counts. */
  readonly attempt: number;
  /** Key of an S3 object, name of a table, stream or parameter; empty if there is none. */
  readonly resource: string;
  /** Whether it creates only what is not there (`If-None-Match` of S3). */
  readonly isCreation: boolean;
  /** Metadata of an S3 object, by name without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Input of a call of DynamoDB, Kinesis or SSM; undefined for S3. */
  readonly input: unknown;
  /** Id of the process that has made the call; undefined if it cannot be told (outside of Linux). */
  callerPid(): Promise<number | undefined>;
}

const TARGETS: Readonly<Record<string, ServiceName>> = {
  DynamoDB_20120810: 'dynamodb',
  Kinesis_20131202: 'kinesis',
  AmazonSSM: 'ssm',
};

/** Whether a request has a JSON body, which is small, instead of an object that is passed through as it comes. */
export function isJsonCall(request: IncomingMessage): boolean {
  return request.headers['x-amz-target'] !== undefined;
}

/** Tells what a request is. `body` is the whole body of a JSON call. */
export function toSeenRequest(
  request: IncomingMessage,
  body: Buffer | undefined,
  callerPid: SeenRequest['callerPid'],
): SeenRequest {
  const attempt = Number(/attempt=(\d+)/.exec(headerOf(request, 'amz-sdk-request'))?.[1] ?? 1);
  const [version = '', operation = ''] = headerOf(request, 'x-amz-target').split('.');
  if (body !== undefined) {
    const input: unknown = body.length === 0 ? {} : JSON.parse(body.toString());
    const service = TARGETS[version] ?? 'other';
    const resource = nameIn(input);
    return { service, operation, attempt, resource, isCreation: false, metadata: {}, input, callerPid };
  }
  const isS3 = headerOf(request, 'authorization').includes('/s3/aws4_request');
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, , ...key] = url.pathname.split('/').map(decodeURIComponent);
  const resource = key.join('/');
  return {
    service: isS3 ? 's3' : 'other',
    operation: `${VERBS[request.method ?? ''] ?? 'Call'}${toNoun(resource, url.searchParams)}`,
    attempt,
    resource,
    isCreation: headerOf(request, 'if-none-match') === '*',
    metadata: metadataOf(request),
    input: undefined,
    callerPid,
  };
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'Get',
  HEAD: 'Head',
  PUT: 'Put',
  POST: 'Post',
  DELETE: 'Delete',
};

function toNoun(key: string, query: URLSearchParams): string {
  if (key !== '') return 'Object';
  return query.has('list-type') ? 'Objects' : 'Bucket';
}

const METADATA_PREFIX = 'x-amz-meta-';

function metadataOf(request: IncomingMessage): Record<string, string> {
  const names = Object.keys(request.headers).filter((name) => name.startsWith(METADATA_PREFIX));
  return Object.fromEntries(
    names.map((name) => [name.slice(METADATA_PREFIX.length), headerOf(request, name)]),
  );
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : (value?.join() ?? '');
}

/** The table, stream or parameter that an input names; for a transaction the table of its first item. */
function nameIn(input: unknown): string {
  for (const name of ['TableName', 'StreamName', 'StreamARN', 'Name']) {
    const value = memberOf(input, name);
    if (typeof value === 'string') return value;
  }
  const items = memberOf(input, 'TransactItems');
  const first: unknown = Array.isArray(items) ? items[0] : undefined;
  const actions: unknown[] = typeof first === 'object' && first !== null ? Object.values(first) : [];
  return actions[0] === undefined ? '' : nameIn(actions[0]);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
