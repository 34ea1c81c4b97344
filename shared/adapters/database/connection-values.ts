import type { SourceConfig } from '../../config/schema.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';

/** How a database is reached: the section `connection` of a source. */
export type ConnectionConfig = Extract<SourceConfig, { type: 'postgres' | 'mysql' }>['connection'];

/** Makes a token of RDS IAM authentication; valid for 15 minutes, so one is made for every connection. */
export type CreateToken = (database: {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}) => Promise<string>;

/** What a driver needs to connect. `password` is a secret: never put it into a message. */
export interface ConnectionValues {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM; undefined: those of Node. */
  readonly ca: string | undefined;
  readonly tls: boolean;
}

export interface ConnectionNeeds {
  readonly parameters: ParameterStore;
  readonly createToken: CreateToken;
}

/**
 * The values of a connection, from the configuration and the parameters that it names.
 *
 * @param maxAgeMs 0 to read parameters anew: after a login was refused, the password may have been rotated
 * @throws BlockedError `PARAMETER_MISSING`, `DB_CONNECTION` when a value is empty
 */
export async function readConnection(
  config: ConnectionConfig,
  defaultPort: number,
  { parameters, createToken }: ConnectionNeeds,
  maxAgeMs?: number,
): Promise<ConnectionValues> {
  const valueOf = async (name: string, value: string | { parameter: string }): Promise<string> => {
    const text =
      typeof value === 'string'
        ? value
        : await parameters.get(value.parameter, maxAgeMs === undefined ? {} : { maxAgeMs });
    if (text !== '') return text;
    const where = typeof value === 'string' ? '' : ` (parameter ${value.parameter})`;
    throw new BlockedError('DB_CONNECTION', `\`connection.${name}\`${where} is empty; set it`);
  };
  const [host, database, user, ca] = await Promise.all([
    valueOf('host', config.host),
    valueOf('database', config.database),
    valueOf('user', config.user),
    config.ca === undefined ? undefined : valueOf('ca', config.ca),
  ]);
  const port = config.port ?? defaultPort;
  const password =
    config.auth === 'iam' || config.password === undefined
      ? await createToken({ host, port, user })
      : await valueOf('password', config.password);
  return { host, port, database, user, password, ca, tls: config.tls === 'verify-full' };
}
