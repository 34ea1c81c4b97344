import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * The process at the other end of a connection on this machine, by Linux's own tables: the socket of that port, and
 * the process that holds it.
 *
 * @param likely ids of processes to look at first; the others of this machine may be many
 * @returns undefined when it cannot be told: the process has ended, or this is not Linux
 */
export async function findCaller(
  callerPort: number,
  ownPort: number,
  likely: Iterable<number>,
): Promise<number | undefined> {
  const inode = await findInode(callerPort, ownPort);
  if (inode === undefined) return undefined;
  const link = `socket:[${inode}]`;
  for (const pid of likely) if (await holds(pid, link)) return pid;
  for (const name of await entriesOf('/proc')) {
    if (/^\d+$/.test(name) && (await holds(Number(name), link))) return Number(name);
  }
  return undefined;
}

async function holds(pid: number, link: string): Promise<boolean> {
  const folder = `/proc/${String(pid)}/fd`;
  const names = await entriesOf(folder);
  const links = await Promise.all(names.map((fd) => readlink(`${folder}/${fd}`).catch(() => '')));
  return links.includes(link);
}

/** Rows of /proc/net/tcp: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …` */
async function findInode(callerPort: number, ownPort: number): Promise<string | undefined> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '');
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    const [, local = '', remote = ''] = columns;
    if (portOf(local) === callerPort && portOf(remote) === ownPort) return columns[9];
  }
  return undefined;
}

const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16);

const entriesOf = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
