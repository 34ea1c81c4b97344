import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../shared/config/define-config.ts';

const secrets = [{ parameter: '/hooks/secret' }];

/** What the configuration says about the signature of a webhook source. */
function problemsOf(signature: object): string {
  try {
    parseConfig({
      sources: {
        hook: {
          type: 'webhook',
          freshness: '1 minute',
          volume: { gbPerDay: 1 },
          contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
          signature,
        },
      },
    });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the signature of a webhook source', () => {
  test.each(['standard-webhooks', 'github', 'stripe', 'shopify', 'slack'])(
    '%s needs secrets only',
    (preset) => {
      expect(problemsOf({ preset, secrets })).toBe('');
      expect(problemsOf({ preset, secrets: [] })).toContain('signature.secrets');
    },
  );

  test('a service that signs no time has no tolerance', () => {
    for (const preset of ['github', 'shopify']) {
      expect(problemsOf({ preset, secrets, tolerance: '5 minutes' })).toContain('tolerance');
    }
  });

  test('a parameter is named once, and by its full name', () => {
    expect(problemsOf({ preset: 'github', secrets: [...secrets, ...secrets] })).toContain(
      'signature.secrets: must be different parameters',
    );
    expect(problemsOf({ preset: 'github', secrets: [{ parameter: 'secret' }] })).toContain(
      'must be the name of an SSM parameter, such as "/headgate/github/secret"',
    );
  });

  test.each([
    [{}, 'signature.header'],
    [{ header: 'X Y' }, 'must be the name of a header'],
    [{ header: 'X-Sign', prefix: 'a,b' }, 'signature.prefix: must be at most 32 visible ASCII characters'],
    [{ header: 'X-Sign', signed: '{timestamp}' }, 'must contain {body}'],
    [{ header: 'X-Sign', signed: '{timestamp}.{body}' }, 'signature.timestampHeader: is required'],
    [{ header: 'X-Sign', timestampHeader: 'X-Time' }, 'signature.signed: must contain {timestamp}'],
    [{ header: 'X-Sign', signed: '{id}.{body}' }, 'signature.idHeader: is required'],
    [{ header: 'X-Sign', signed: '{url}{body}' }, 'other names in braces are not known'],
    [{ header: 'X-Sign', idHeader: 'X-Id', idField: 'id' }, 'signature.idField: cannot be set together'],
  ])('hmac with %j says %s', (options, problem) => {
    expect(problemsOf({ preset: 'hmac', secrets, ...options })).toContain(problem);
  });

  test('everything of hmac can be set at once', () => {
    const options = {
      header: 'X-Sign',
      algorithm: 'sha512',
      encoding: 'base64url',
      secretEncoding: 'hex',
      prefix: 'v1=',
      signed: '{id}:{timestamp}:{body}',
      timestampHeader: 'X-Time',
      timestampFormat: 'iso-8601',
      idHeader: 'X-Id',
      tolerance: '10 minutes',
    };
    expect(problemsOf({ preset: 'hmac', secrets, ...options })).toBe('');
  });
});
