import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
  PayloadFormatVersion,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { OPERATIONS, type Operation } from '../../shared/config/push-api.ts';
import type { HeadgateConfig, ReceivedSourceConfig } from '../../shared/config/schema.ts';
import type { FunctionCode } from '../bundling/function-code.ts';
import { acknowledge } from '../constructs/acknowledge.ts';
import { grantParameters } from '../constructs/grant-parameters.ts';
import {
  grantAccepting,
  grantFollowing,
  grantFrames,
  grantSpending,
  type Stores,
} from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import type { Deployment } from '../deployment.ts';
import { receivedSources } from '../../shared/config/plan/lanes.ts';
import { API_TIMEOUT, LOG_RETENTION } from '../tuning.ts';

/** Most that API Gateway grants a new account: requests per second, and requests at once. */
const ACCOUNT_RATE = 10_000;
const ACCOUNT_BURST = 5000;

/** Requests per second of what does not carry records: schema and health. */
const LOOK_UP_RATE = 20;
/** A dry run costs what a request with records does, and stores nothing: one for this many of them. */
const REQUESTS_PER_DRY_RUN = 10;

/** One line per request. No headers and no query: they may hold keys. */
const ACCESS_LOG_FORMAT = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  routeKey: '$context.routeKey',
  path: '$context.path',
  protocol: '$context.protocol',
  status: '$context.status',
  responseBytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
};

/** A route of API Gateway. */
interface PlannedRoute {
  /** Name of its construct. */
  readonly id: string;
  readonly method: Operation['method'] | 'OPTIONS';
  readonly path: string;
  /** Most requests per second. */
  readonly rate: number;
  /** API Gateway lets signed requests in only, from whom IAM allows to call this route. */
  readonly isSigned?: true;
}

/** Whether senders sign their requests (SigV4). API Gateway checks that by route, so such a source has its own. */
function isSigned(source: ReceivedSourceConfig): boolean {
  return source.type === 'push' && source.auth.type === 'iam';
}

/**
 * The routes of the API: those of its operations, where a source of their type is declared; those of each source whose
 * requests are signed; and those of the preflight requests that browsers send first, where a source lets pages push.
 */
function planRoutes(config: HeadgateConfig): readonly PlannedRoute[] {
  const received = receivedSources(config);
  return OPERATIONS.flatMap(([id, { method, path, sourceType, rate, isForBrowsers }]) => {
    const named = received.filter(([, { type }]) => type === sourceType);
    const sources = named.map(([, source]) => source);
    const shared = sources.filter((source) => !isSigned(source));
    const routes: PlannedRoute[] = named
      .filter(([, source]) => isSigned(source))
      .map(([name, source]) => ({
        id: `${id}-${name}`,
        method,
        path: path.replace('{source}', name),
        rate: rateOf(rate, [source]),
        isSigned: true,
      }));
    if (sourceType === undefined || shared.length > 0) {
      routes.push({ id, method, path, rate: rateOf(rate, shared) });
    }
    const open = isForBrowsers ? sources.filter((source) => source.type === 'push' && source.cors) : [];
    if (open.length > 0) {
      // A browser asks before each request when it may not remember the answer.
      routes.push({ id: `${id}Preflight`, method: 'OPTIONS', path, rate: rateOf(rate, open) });
    }
    return routes;
  });
}

/**
 * API Gateway's throttle is the outer wall: it keeps floods away from the function, and refuses without a word about
 * when to come back. The function knows each source's limit and says so, within a tenth and with a burst of five
 * seconds; the wall stands a little above that, so that it is the function that refuses.
 */
const OUTER_WALL = 1.25;
const BURST_SECONDS = 5;

/** Requests per second of an operation for these sources. They share its route, so its limit is the sum of theirs. */
function rateOf(rate: Operation['rate'], sources: readonly ReceivedSourceConfig[]): number {
  const requests = sources.reduce((sum, { limits }) => sum + limits.requestsPerSecond, 0);
  const rates = {
    records: Math.min(ACCOUNT_RATE, Math.ceil(requests * OUTER_WALL)),
    'dry-run': Math.ceil(Math.min(ACCOUNT_RATE, requests) / REQUESTS_PER_DRY_RUN),
    'look-up': LOOK_UP_RATE,
  };
  return rates[rate];
}

/** Where the push function puts frames; at least one of the two is there. */
export interface FrameTargets {
  /** The stream of sources that are streamed. */
  readonly ingest: IStream | undefined;
  /** Whether some sources wait in the landing zone, or spill into it. */
  readonly usesLanding: boolean;
}

/** SSM parameters that hold the secrets of webhooks. */
function signingSecrets(config: HeadgateConfig): string[] {
  return receivedSources(config).flatMap(([, source]) =>
    source.type === 'webhook' ? source.signature.secrets.map(({ parameter }) => parameter) : [],
  );
}

/** The push API and its function. */
export class PushStack extends Stack {
  readonly receiver: IngestFunction;
  readonly api: HttpApi;

  constructor(
    scope: Construct,
    deployment: Deployment,
    stores: Stores,
    { ingest, usesLanding }: FrameTargets,
    code: FunctionCode,
  ) {
    const { config } = deployment;
    super(scope, `${config.name}-push`, { description: 'Headgate: the push API' });
    this.receiver = new IngestFunction(this, 'Receiver', {
      deploymentName: config.name,
      lane: 'push',
      description:
        'Checks pushed records and makes them durable: on the ingest stream or in the landing zone',
      code: code.push(),
      environment: {
        ...(ingest && { INGEST_STREAM: ingest.streamName }),
        ...(usesLanding && { LAKE_BUCKET: stores.lake.bucketName }),
        ACCESS_TABLE: stores.access.tableName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
      },
    });
    grantAccepting(this.receiver, stores);
    grantSpending(this.receiver, stores, config);
    grantParameters(this.receiver, signingSecrets(config));
    if (ingest !== undefined) {
      this.receiver.grant(['kinesis:PutRecords'], [ingest.streamArn]);
      this.receiver.grantKey(stores.key, ['kms:GenerateDataKey'], ['kinesis']);
      grantFollowing(this.receiver, stores);
    }
    if (usesLanding) grantFrames(this.receiver, stores);

    this.api = new HttpApi(this, 'Api', {
      apiName: `${config.name}-push`,
      description: 'Headgate push API',
      createDefaultStage: false,
    });
    const integration = new HttpLambdaIntegration('Receiver', this.receiver.function, {
      payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      timeout: API_TIMEOUT,
      // One permission for the API: with one for each route, some twenty signed sources would fill the function's policy.
      scopePermissionToRoute: false,
    });
    const signed = new HttpIamAuthorizer();
    const routes = planRoutes(config).map((route) => ({
      ...route,
      construct: new HttpRoute(this, route.id, {
        httpApi: this.api,
        routeKey: HttpRouteKey.with(route.path, HttpMethod[route.method]),
        integration,
        ...(route.isSigned && { authorizer: signed }),
      }),
    }));
    const accessLog = new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/apigateway/${config.name}-push`,
      retention: LOG_RETENTION,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: LOOK_UP_RATE, burstLimit: 2 * LOOK_UP_RATE },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG_FORMAT)),
      },
    });
    // The L2 stage has no limits per route, and a limit needs its route to exist.
    (stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(
      routes.map(({ method, path, rate: limit }) => [
        `${method} ${path}`,
        { ThrottlingRateLimit: limit, ThrottlingBurstLimit: Math.min(ACCOUNT_BURST, BURST_SECONDS * limit) },
      ]),
    );
    stage.node.addDependency(...routes.map(({ construct }) => construct));
    acknowledge(this.api, {
      'AwsSolutions-APIG4':
        'The function checks write keys of each source itself; HTTP APIs have no API keys.',
    });
    for (const { construct } of routes.filter((route) => !route.isSigned)) {
      acknowledge(construct, {
        'AwsSolutions-APIG4':
          'The function checks the key, token or signature that the source asks for; health and preflight requests are public on purpose.',
      });
    }
    const signedSources = receivedSources(config).filter(([, source]) => isSigned(source));
    if (signedSources.length > 0) {
      const arns = signedSources.map(([name]) =>
        this.formatArn({
          service: 'execute-api',
          resource: this.api.apiId,
          resourceName: `${stage.stageName}/*/v1/sources/${name}/*`,
        }),
      );
      new CfnOutput(this, 'SignedSourceArns', {
        description:
          'What senders need execute-api:Invoke on, one for each source that takes signed requests',
        value: arns.join(' '),
      });
    }
    new CfnOutput(this, 'ApiUrl', { value: this.api.apiEndpoint });
    new CfnOutput(this, 'ApiId', { value: this.api.apiId });
    new CfnOutput(this, 'PushFunctionName', { value: this.receiver.function.functionName });
  }
}
