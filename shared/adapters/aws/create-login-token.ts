import { Signer } from '@aws-sdk/rds-signer';
import type { CreateToken } from '../database/connection-values.ts';
import { callAws } from './translate-error.ts';

/**
 * Tokens of RDS IAM database authentication. They are signed here with the credentials of the function; nobody is asked,
 * so that it works in a network that reaches the database and nothing else.
 */
export const createLoginToken: CreateToken = ({ host, port, user }) =>
  callAws({ operation: 'connect', resource: `database user ${user} at ${host}:${String(port)}` }, () =>
    new Signer({ hostname: host, port, username: user }).getAuthToken(),
  );
