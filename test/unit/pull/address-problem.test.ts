import { describe, expect, test } from 'vitest';
import { addressProblem } from '../../../shared/adapters/http/address-problem.ts';

const PUBLIC = ['93.184.216.34', '8.8.8.8', '2606:4700:4700::1111', '64:ff9b::808:808', '::ffff:8.8.8.8'];
const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '100.64.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.9',
  '::1',
  'fd12::1',
  'fc00::1',
  '2001:db8::1',
  '64:ff9b::7f00:1',
  '64:ff9b::a00:1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:0:10.0.0.1',
  '::10.0.0.1',
  '::ffff:0:0',
  '3fff::1',
  '100::1',
];
const NEVER = [
  '169.254.169.254',
  '169.254.170.2',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '240.0.0.1',
  '::',
  'fe80::1',
  'fd00:ec2::254',
  'fd00:ec2:0:0:0:0:0:254',
  'ff02::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::169.254.169.254',
  '2001::1',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::',
  '64:ff9b:1::1',
  '64:ff9b:1:a9fe:a9:fe00::',
  '::169.254.169.254',
  '::a9fe:a9fe',
  '::ffff:0:169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  'fd20:ce::254',
  'fe80::1%eth0',
  'localhost',
  '',
];

describe('addresses', () => {
  test.each(PUBLIC)('%s may be read', (address) => {
    expect(addressProblem(address, false)).toBeUndefined();
    expect(addressProblem(address, true)).toBeUndefined();
  });
  test.each(PRIVATE)('%s is refused', (address) => {
    expect(addressProblem(address, false)).toMatch(/public|metadata/);
  });
  test.each(PRIVATE.filter((address) => address !== '::ffff:0:0'))(
    '%s may be read where private networks are allowed',
    (address) => {
      expect(addressProblem(address, true)).toBeUndefined();
    },
  );
  test.each(NEVER)('%j is refused even where private networks are allowed', (address) => {
    expect(addressProblem(address, false)).toBeDefined();
    expect(addressProblem(address, true)).toBeDefined();
  });
});
