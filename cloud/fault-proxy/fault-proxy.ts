import {
  Agent,
  createServer,
  request as sendRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultPlan } from '../../shared/adapters/faults/fault-plan.ts';
import { LOOPBACK } from '../emulator/free-port.ts';
import { findCaller } from './find-caller.ts';
import { isJsonCall, toSeenRequest, type SeenRequest } from './seen-request.ts';
import { toRefusal, type Refusal } from './to-refusal.ts';

/** What a rule does with a call: let it pass, or break the connection to the caller. */
export type RuleOutcome = 'pass' | 'drop';

/** What a test does to chosen calls. Both functions may take their time: the call is held until they resolve. */
export interface ProxyRule {
  matches(request: SeenRequest): boolean;
  /** Before the call reaches the emulator; `'drop'` and `'deny'`: it never does, and the latter is what is answered. */
  before?(request: SeenRequest): Promise<RuleOutcome | 'deny'>;
  /** After the call has had its effect, with the answer's status; `'drop'`: the caller does not get the answer. */
  after?(request: SeenRequest, status: number): Promise<RuleOutcome>;
}

/** What the proxy has done so far. */
export interface ProxyCounts {
  readonly requests: number;
  /** Faults that were injected, by `service fault`, e.g. `dynamodb throttle`. */
  readonly faults: Readonly<Record<string, number>>;
}

/**
 * Stands between the processes that run on the embedded cloud and the emulator, and misbehaves as a network and the
 * services of AWS may. It works below the SDK: what runs on the cloud is what is shipped.
 */
export interface FaultProxy {
  readonly endpoint: string;
  readonly counts: () => ProxyCounts;
  /** Adds a rule; the function that is returned removes it. */
  use(rule: ProxyRule): () => void;
  stop(): Promise<void>;
}

export interface FaultProxyOptions {
  /** The emulator's endpoint. */
  readonly target: string;
  /** Faults that come by themselves; none by default. */
  readonly plan?: FaultPlan;
}

/** Below the time after which the emulator closes an idle connection, so that none is used that is being closed. */
const IDLE_CONNECTION_MS = 2_000;
/** About one connection, not about the message. https://www.rfc-editor.org/rfc/rfc9110#field.connection */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'expect'];

/** Starts a proxy on a free port of this machine. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new Proxy(options);
  const server = createServer((request, response) => {
    proxy.handle(request, response).catch(() => {
      // The caller or the emulator has gone; the other side learns it from its connection.
      request.socket.destroy();
    });
  });
  // Callers close their connections themselves; a close from here would look like a fault.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://${LOOPBACK}:${String(port)}`,
    counts: () => proxy.counts(),
    use: (rule) => proxy.use(rule),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      proxy.close();
      await closed;
    },
  };
}

/** Answers as the service does when it refuses; a call that it has no such refusal of is not answered. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal | undefined): void {
  request.resume();
  if (refusal === undefined) {
    request.socket.destroy();
    return;
  }
  response.writeHead(refusal.status, { 'content-type': refusal.contentType });
  response.end(request.method === 'HEAD' ? undefined : refusal.body);
}

/** An answer of the emulator. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage | Buffer;
}

class Proxy {
  readonly #target: URL;
  readonly #plan: FaultPlan;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
  readonly #rules = new Set<ProxyRule>();
  readonly #callers = new WeakMap<Socket, Promise<number | undefined>>();
  readonly #knownCallers = new Set<number>();
  readonly #faults = new Map<string, number>();
  #requests = 0;

  constructor({ target, plan = {} }: FaultProxyOptions) {
    this.#target = new URL(target);
    this.#plan = plan;
  }

  counts(): ProxyCounts {
    return { requests: this.#requests, faults: Object.fromEntries([...this.#faults].sort()) };
  }

  use(rule: ProxyRule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws Error when the caller or the emulator breaks the connection */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++;
    const { socket } = request;
    const body = isJsonCall(request) ? await buffer(request) : undefined;
    const seen = toSeenRequest(request, body, () => this.#callerOf(socket));
    const rules = [...this.#rules].filter((rule) => rule.matches(seen));
    for (const rule of rules) {
      const outcome = await rule.before?.(seen);
      if (outcome === 'deny') {
        refuse(request, response, toRefusal('access-denied', seen));
        return;
      }
      if (outcome !== 'drop') continue;
      socket.destroy();
      return;
    }
    const fault = this.#faultOf(seen);
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'reset-before') {
      socket.destroy();
      return;
    }
    const refusal =
      fault === undefined || fault.kind === 'delay' || fault.kind === 'reset-after'
        ? undefined
        : toRefusal(fault.kind, seen);
    if (refusal !== undefined) {
      refuse(request, response, refusal);
      return;
    }
    const answer = await this.#forwardEntries(request, body, seen);
    let isDropped = fault?.kind === 'reset-after';
    for (const rule of rules) isDropped = (await rule.after?.(seen, answer.status)) === 'drop' || isDropped;
    if (isDropped) {
      if (!Buffer.isBuffer(answer.body)) answer.body.destroy();
      socket.destroy();
      return;
    }
    response.writeHead(answer.status, answer.headers);
    if (Buffer.isBuffer(answer.body)) response.end(answer.body);
    else await pipeline(answer.body, response);
  }

  /** The fault that this attempt meets by plan. */
  #faultOf(seen: SeenRequest): Fault | undefined {
    if (seen.service === 'other') return undefined;
    const fault = this.#plan.onAttempt?.({ operation: seen.operation, attempt: seen.attempt });
    if (fault === undefined) return undefined;
    const isMet =
      fault.kind === 'delay' ||
      fault.kind === 'reset-before' ||
      fault.kind === 'reset-after' ||
      toRefusal(fault.kind, seen) !== undefined;
    if (!isMet) return undefined;
    this.#count(seen, fault.kind);
    return fault;
  }

  #count({ service }: SeenRequest, fault: string): void {
    const name = `${service} ${fault}`;
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
  }

  /** Forwards a call; of PutRecords only the entries that do not fail by plan. */
  async #forwardEntries(
    request: IncomingMessage,
    body: Buffer | undefined,
    seen: SeenRequest,
  ): Promise<Answer> {
    const entries = seen.operation === 'PutRecords' ? entriesOf(seen.input) : [];
    const failing = new Set(this.#plan.failEntries?.(entries.length) ?? []);
    if (failing.size === 0) return await this.#forward(request, body);
    this.#count(seen, 'partial');
    const passing = entries.filter((_, index) => !failing.has(index));
    const answer =
      passing.length === 0
        ? { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: Buffer.from('{}') }
        : await this.#forward(
            request,
            Buffer.from(JSON.stringify({ ...(seen.input as object), Records: passing })),
          );
    const text = Buffer.isBuffer(answer.body) ? answer.body : await buffer(answer.body);
    if (answer.status !== 200) return { ...answer, body: text };
    const stored = entriesOf(JSON.parse(text.toString()));
    const merged = entries.map((_, index) =>
      failing.has(index)
        ? { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'injected' }
        : stored.shift(),
    );
    const failed = merged.filter((entry) => memberOf(entry, 'ErrorCode') !== undefined).length;
    const merging = Buffer.from(JSON.stringify({ FailedRecordCount: failed, Records: merged }));
    const headers = { ...answer.headers, 'content-length': String(merging.length) };
    return { status: 200, headers, body: merging };
  }

  #forward(request: IncomingMessage, body: Buffer | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = withoutHops(request.headers);
      if (body !== undefined) headers['content-length'] = String(body.length);
      const onward = sendRequest(
        {
          host: this.#target.hostname,
          port: this.#target.port,
          method: request.method,
          path: request.url,
          headers: { ...headers, host: this.#target.host },
          agent: this.#agent,
        },
        (answer) => {
          resolve({
            status: answer.statusCode ?? 502,
            headers: withoutHops(answer.headers),
            body: answer,
          });
        },
      );
      onward.once('error', reject);
      if (body === undefined) pipeline(request, onward).catch(reject);
      else onward.end(body);
    });
  }

  async #findCaller({ remotePort, localPort }: Socket): Promise<number | undefined> {
    if (remotePort === undefined || localPort === undefined) return undefined;
    const pid = await findCaller(remotePort, localPort, [...this.#knownCallers].reverse());
    if (pid !== undefined) this.#knownCallers.add(pid);
    return pid;
  }

  #callerOf(socket: Socket): Promise<number | undefined> {
    let caller = this.#callers.get(socket);
    if (caller === undefined) {
      caller = this.#findCaller(socket);
      this.#callers.set(socket, caller);
    }
    return caller;
  }
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}

function entriesOf(message: unknown): unknown[] {
  const entries = memberOf(message, 'Records');
  return Array.isArray(entries) ? [...(entries as unknown[])] : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
