import { expect, test } from 'vitest';
import { toCallableUrls } from '../../../cloud/start-cloud.ts';

test('the URL of an API becomes one that this machine can call, everything else stays', () => {
  const outputs = {
    push: {
      ApiUrl: 'https://a1b2c3.execute-api.us-east-1.amazonaws.com',
      Docs: 'https://a1b2c3.execute-api.localhost:4566/docs',
    },
    storage: { QueueUrl: 'http://localhost:4566/000000000000/queue' },
  };
  expect(toCallableUrls(outputs, 'http://127.0.0.1:5000')).toEqual({
    push: {
      ApiUrl: 'http://127.0.0.1:5000/_aws/execute-api/a1b2c3/$default',
      Docs: 'http://127.0.0.1:5000/_aws/execute-api/a1b2c3/$default/docs',
    },
    storage: outputs.storage,
  });
});
