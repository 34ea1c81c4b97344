import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  ApplicationLogLevel,
  Architecture,
  type Code,
  Function as LambdaFunction,
  type ILayerVersion,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { NODE_OPTIONS } from '../../shared/config/node-options.ts';
import { FUNCTION_SIZES, type FunctionName } from '../../shared/domain/plan/function-sizes.ts';
import { LOG_RETENTION } from '../tuning.ts';

/** Services through which a function uses the data key. */
export type KeyUser = 'dynamodb' | 'kinesis' | 's3';

export interface IngestFunctionProps {
  /** Prefix of the deployment's resources. */
  readonly deploymentName: string;
  readonly lane: FunctionName;
  readonly description: string;
  readonly code: Code;
  readonly layers?: ILayerVersion[];
  /** Environment as shared/config/env.ts defines it. */
  readonly environment: Record<string, string>;
}

/**
 * The function of one lane with its own role and log group. It starts with permission to write its log and nothing
 * else; every further permission is granted by name.
 */
export class IngestFunction extends Construct {
  readonly function: LambdaFunction;
  readonly lane: FunctionName;
  readonly deploymentName: string;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: IngestFunctionProps) {
    super(scope, id);
    const size = FUNCTION_SIZES[props.lane];
    const functionName = `${props.deploymentName}-${props.lane}`;
    this.lane = props.lane;
    this.deploymentName = props.deploymentName;
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: LOG_RETENTION,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.grant(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.code,
      layers: props.layers,
      role: this.role,
      memorySize: size.memoryMiB,
      timeout: Duration.seconds(size.timeoutSeconds),
      ephemeralStorageSize: Size.mebibytes(size.ephemeralStorageMiB),
      environment: { ...props.environment, NODE_OPTIONS: NODE_OPTIONS.join(' ') },
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      systemLogLevelV2: SystemLogLevel.WARN,
    });
  }

  /** Allows exactly these actions on exactly these resources. */
  grant(
    actions: string[],
    resources: string[],
    conditions?: Record<string, Record<string, string | string[]>>,
  ): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources, conditions }));
  }

  /** Allows use of the data key, but only on behalf of the named services. */
  grantKey(key: IKey, actions: string[], services: readonly KeyUser[]): void {
    const region = Stack.of(this).region;
    this.grant(actions, [key.keyArn], {
      StringEquals: { 'kms:ViaService': services.map((service) => `${service}.${region}.amazonaws.com`) },
    });
  }
}
