import { expect, test } from 'vitest';
import { parseConfig } from '../../../shared/config/define-config.ts';

const network = (subnet: string) => ({ subnets: [`subnet-${subnet}`], securityGroups: ['sg-0a'] });
const source = (connection: object, more: object = {}) => ({
  type: 'postgres' as const,
  freshness: '10 minutes',
  volume: { gbPerDay: 1 },
  key: ['id'],
  connection: { host: 'h', database: 'd', user: 'u', auth: 'iam' as const, ...connection },
  table: 't',
  columns: { id: 'bigint' },
  ...more,
});

test('databases are read from one network, or from none', () => {
  const a = source({ network: network('0a') });
  expect(() => parseConfig({ sources: { a, b: a, c: source({}) } })).not.toThrow();
  expect(() => parseConfig({ sources: { a, b: source({ network: network('0b') }) } })).toThrow(
    /sources\.b\.connection\.network: must be the same as that of a/,
  );
});

test.each([
  [{ floor: '11 minutes' }, /floor: must not be longer than freshness, which is "10 minutes"/],
  [{ floor: '5 minutes', ceiling: '4 minutes' }, /floor: must not be longer than polling.ceiling/],
])('polling %j is refused', (polling, message) => {
  expect(() => parseConfig({ sources: { a: source({}, { polling }) } })).toThrow(message);
});
