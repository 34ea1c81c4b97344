import * as z from 'zod';
import { deploymentValue, secretParameter } from './fields.ts';

const parameterText = z.record(z.string(), z.string());

const oauth2 = {
  tokenUrl: deploymentValue.describe('The token endpoint: https, or an SSM parameter that holds it.'),
  clientId: deploymentValue,
  clientAuth: z
    .enum(['basic', 'body'])
    .default('basic')
    .describe(
      'How the client proves itself (RFC 6749, 2.3.1): in a Basic header, or as `client_id` and `client_secret` in the body.',
    ),
  scopes: z.array(z.string().min(1)).max(50).default([]),
  parameters: parameterText
    .default({})
    .describe(
      'Other parameters of the token request, for example { "audience": "https://api.example.com" }.',
    ),
};

/** How a source of type `http` proves who it is. Secrets are read at run time from SSM parameters. */
export const httpAuth = z
  .discriminatedUnion(
    'type',
    [
      z
        .strictObject({ type: z.literal('bearer'), token: secretParameter })
        .describe('`Authorization: Bearer …`'),
      z
        .strictObject({
          type: z.literal('basic'),
          username: deploymentValue,
          password: secretParameter.optional().describe('Absent: an empty one, as some APIs take keys.'),
        })
        .describe('`Authorization: Basic …` (RFC 7617)'),
      z
        .strictObject({
          type: z.literal('api-key'),
          in: z.enum(['header', 'query']).default('header'),
          name: z.string().min(1).describe('Name of the header or of the query parameter.'),
          key: secretParameter,
        })
        .describe('A key in a header, or in the query where an API takes it nowhere else.'),
      z
        .strictObject({
          type: z.literal('oauth2-client-credentials'),
          ...oauth2,
          clientSecret: secretParameter,
        })
        .describe(
          'OAuth 2 client credentials (RFC 6749, 4.4). The token is kept until shortly before it expires.',
        ),
      z
        .strictObject({
          type: z.literal('oauth2-refresh-token'),
          ...oauth2,
          clientSecret: secretParameter.optional().describe('Absent for public clients.'),
          refreshToken: secretParameter.describe(
            'The first refresh token. What the provider answers replaces it and is kept by Headgate; put a new one ' +
              'here to authorise the source again.',
          ),
        })
        .describe(
          'OAuth 2 refresh token (RFC 6749, 6), also where the provider replaces it with each use: one instance at a time ' +
            'refreshes, and the new token is stored before it is used.',
        ),
    ],
    {
      error: 'must have a type of: bearer, basic, api-key, oauth2-client-credentials, oauth2-refresh-token',
    },
  )
  .describe('How the source proves who it is.');

/** What {@link httpAuth} makes of it. */
export type HttpAuth = z.output<typeof httpAuth>;
