import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';

const contract: HttpSourceInput['contract'] = {
  schema: {
    type: 'object',
    properties: { id: { type: 'integer' }, updatedAt: { type: 'string', format: 'date-time' } },
  },
};

const [, http = ''] = /^## HTTP APIs$([^]*?)^## Files$/m.exec(readFileSync('docs/pull.md', 'utf8')) ?? [];
/** Fields of a source, as docs/pull.md shows them. */
const examples = [...http.matchAll(/```ts\n([\s\S]*?)```/g)]
  .map(([, text = '']) => text)
  .filter((text) => !text.includes('…'));

describe('examples of docs/pull.md', () => {
  test('are there for every kind of credentials and pages', () => {
    const all = examples.join('');
    for (const type of ['bearer', 'basic', 'api-key', 'oauth2-client-credentials', 'oauth2-refresh-token']) {
      expect(all).toContain(`type: '${type}'`);
    }
    for (const type of ['page', 'offset', 'cursor', 'link-header', 'next-url']) {
      expect(all).toContain(`type: '${type}'`);
    }
  });

  test.each(examples)('%s', (text) => {
    const fields = JSON.parse(JSON.stringify(runInNewContext(`({${text}})`))) as Partial<HttpSourceInput>;
    expect(() => declareHttp({ key: ['id'], eventTime: undefined, contract, ...fields })).not.toThrow();
  });
});
