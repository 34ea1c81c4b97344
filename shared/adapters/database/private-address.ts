import { lookup } from 'node:dns/promises';
import { addressProblem } from '../http/address-problem.ts';

/**
 * The first address of a host that is not of the public internet; undefined if there is none, or the host has no address at
 * all: connecting says that better.
 */
export async function findPrivateAddress(host: string): Promise<string | undefined> {
  try {
    const addresses = await lookup(host, { all: true });
    return addresses.find(({ address }) => addressProblem(address, false) !== undefined)?.address;
  } catch {
    return undefined;
  }
}
