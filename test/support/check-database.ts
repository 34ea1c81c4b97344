import { createServer, type AddressInfo } from 'node:net';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { openTable } from '../../shared/adapters/open-table.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { DatabaseSourceConfig } from '../../shared/config/schema.ts';
import type { Finding } from '../../shared/domain/checks/finding.ts';
import { checkSources } from '../../shared/pipeline/checks/check-sources.ts';

/** What `headgate validate --connect` finds of one table. */
export interface FoundOfTable {
  /** Level and code of each finding, such as `error DB_LOGIN`. */
  readonly levels: readonly string[];
  readonly findings: readonly Finding[];
  /** All that was said. */
  readonly text: string;
}

/** Checks the source `checked`, over the real adapters; parameters are in memory. */
export async function checkDatabase(
  source: Readonly<Record<string, unknown>>,
  {
    values,
    limitMs = 30_000,
    privateAddress,
  }: {
    readonly values: Readonly<Record<string, string>>;
    readonly limitMs?: number;
    readonly privateAddress?: (config: DatabaseSourceConfig) => Promise<string | undefined>;
  },
): Promise<FoundOfTable> {
  const config = parseConfig({
    sources: { checked: { freshness: '1 hour', volume: { gbPerDay: 1 }, ...source } },
  });
  const parameters = new MemoryParameterStore({ values });
  const unused = (): never => {
    throw new Error('only tables here');
  };
  const [checked] = await checkSources(
    [...compileSources(config, compileValidators(config)).values()],
    {
      clock: systemClock,
      parameters,
      openTable: (opened) =>
        openTable(opened, {
          clock: systemClock,
          parameters,
          createToken: () => Promise.reject(new Error('no token was asked for')),
        }),
      openPages: unused,
      openObjects: unused,
      privateAddress: privateAddress ?? (() => Promise.resolve(undefined)),
    },
    limitMs,
  );
  const findings = checked?.problems ?? [];
  return {
    levels: findings.map(({ level, code }) => `${level} ${code}`),
    findings,
    text: findings.map(({ message }) => message).join('\n'),
  };
}

/** A port that takes connections and never says a word, as behind a firewall that drops what is sent. */
export async function startSilence(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
