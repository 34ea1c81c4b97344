import type { ServerResponse } from 'node:http';
import { afterEach } from 'vitest';
import { createHttpPullSource } from '../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../shared/adapters/http/send-request.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryTokenStore } from '../../shared/adapters/memory/memory-token-store.ts';
import type { Page, PullSource } from '../../shared/ports/pull-source.ts';
import { declareHttp, type HttpSourceInput } from './declare-http.ts';
import { startLocalServer, type LocalServer, type SeenRequest } from './local-server.ts';

const sender = createHttpSender();
const servers: LocalServer[] = [];
afterEach(async () => {
  sender.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

export interface OpenedHttp {
  readonly pages: PullSource;
  readonly server: LocalServer;
  readonly clock: ManualClock;
  readonly telemetry: MemoryTelemetry;
  readonly parameters: MemoryParameterStore;
  readonly tokens: MemoryTokenStore;
  /** Another instance over the same stores. */
  readonly again: () => PullSource;
}

type Overrides = Partial<HttpSourceInput>;

/** A source of type `http` over a real server, which stops after the test. Its time only passes when somebody waits. */
export async function openHttp(
  config: Overrides | ((origin: string) => Overrides),
  answer: (request: SeenRequest, response: ServerResponse, number: number) => void,
  values: Record<string, string> = {},
): Promise<OpenedHttp> {
  const server = await startLocalServer(answer);
  servers.push(server);
  const { origin } = server;
  const clock = new ManualClock({ jump: true });
  const telemetry = new MemoryTelemetry();
  const tokens = new MemoryTokenStore();
  const parameters = new MemoryParameterStore({ values: { '/url': `${origin}/items`, ...values } });
  const source = declareHttp({
    url: `${origin}/items`,
    allowPrivateNetwork: true,
    ...(typeof config === 'function' ? config(origin) : config),
  });
  const again = (): PullSource =>
    createHttpPullSource({ source, sender, tokens, parameters, clock, telemetry, random: () => 0.5 });
  return { pages: again(), server, clock, telemetry, parameters, tokens, again };
}

const RUN_MS = 600_000;

export function fetchPage(
  { pages, clock }: Pick<OpenedHttp, 'pages' | 'clock'>,
  token?: string,
  since?: string,
  until?: string,
): Promise<Page> {
  return pages.fetchPage({ since, until, token, deadlineMs: clock.nowMs() + RUN_MS });
}

/** All records of a listing as text, and the tokens that led from page to page. */
export async function readAll(
  opened: Pick<OpenedHttp, 'pages' | 'clock'>,
  since?: string,
): Promise<{ records: string[]; tokens: string[] }> {
  const records: string[] = [];
  const tokens: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await fetchPage(opened, token, since);
    records.push(...page.records.map((bytes) => Buffer.from(bytes).toString()));
    token = page.next;
    if (token === undefined) return { records, tokens };
    tokens.push(token);
  }
}
