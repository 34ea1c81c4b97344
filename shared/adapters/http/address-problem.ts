import { BlockList, isIPv4, isIPv6 } from 'node:net';

/*
 * Which addresses a source may be read from. A URL in a configuration, a redirect or a name server must not lead into
 * the network that Headgate runs in, least of all to the credentials that metadata services give out.
 * From the IANA registries of special-purpose addresses (RFC 6890 and its updates).
 */

const RESERVED_IPV4 = toBlockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** Global unicast is 2000::/3; inside it these are not, or wrap an IPv4 address (6to4, Teredo). */
const GLOBAL_IPV6 = toBlockList('ipv6', [['2000::', 3]]);
const RESERVED_IPV6 = toBlockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
]);

/**
 * Metadata services (AWS, Google, Alibaba, and Azure's, which looks public), link-local addresses, and addresses that
 * hide another one: refused even where private networks are allowed.
 */
const NEVER_IPV4 = toBlockList('ipv4', [
  ['0.0.0.0', 8],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);
const NEVER_IPV6 = toBlockList('ipv6', [
  ['::', 128],
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['fd20:ce::', 32],
  ['ff00::', 8],
  // Tunnels and translators that carry an IPv4 address somewhere inside: local NAT64 (RFC 8215), Teredo, 6to4.
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
]);

/**
 * Prefixes of IPv6 addresses that stand for the IPv4 address in their last 32 bits: mapped, translated (RFC 2765), NAT64
 * (RFC 6052), and the old compatible ones (RFC 4291), of which `::` and `::1` are not part.
 */
const WRAPPED_IPV4 = toBlockList('ipv6', [
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
]);

const NOT_WRAPPED = toBlockList('ipv6', [['::', 127]]);

function toBlockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

const NOT_PUBLIC =
  'it is not a public address; set allowPrivateNetwork: true if it is one of your own network';

/**
 * Why an address must not be connected to; undefined when it may.
 *
 * @param address an IPv4 or IPv6 address without brackets
 * @param allowPrivateNetwork whether private and loopback addresses are allowed
 */
export function addressProblem(address: string, allowPrivateNetwork: boolean): string | undefined {
  if (isIPv4(address)) return ipv4Problem(address, allowPrivateNetwork);
  // A zone (fe80::1%eth0) is only on link-local addresses.
  if (!isIPv6(address) || address.includes('%')) return 'it is not a plain IP address';
  const wrapped = wrappedIpv4(address);
  if (wrapped !== undefined) return ipv4Problem(wrapped, allowPrivateNetwork);
  if (NEVER_IPV6.check(address, 'ipv6')) return 'it is link-local, multicast or a metadata service';
  if (allowPrivateNetwork) return undefined;
  const isPublic = GLOBAL_IPV6.check(address, 'ipv6') && !RESERVED_IPV6.check(address, 'ipv6');
  return isPublic ? undefined : NOT_PUBLIC;
}

function ipv4Problem(address: string, allowPrivateNetwork: boolean): string | undefined {
  if (NEVER_IPV4.check(address, 'ipv4')) return 'it is link-local, multicast, reserved or a metadata service';
  return !allowPrivateNetwork && RESERVED_IPV4.check(address, 'ipv4') ? NOT_PUBLIC : undefined;
}

/** The IPv4 address that an IPv6 address stands for, if it stands for one. */
function wrappedIpv4(address: string): string | undefined {
  if (!WRAPPED_IPV4.check(address, 'ipv6') || NOT_WRAPPED.check(address, 'ipv6')) return undefined;
  // URLs write the last 32 bits as two groups of hex digits, whatever the input's notation was; a zero group that is
  // left out by `::` is 0.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':');
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
