import { hash } from 'node:crypto';
import type { HttpSourceConfig } from '../../config/schema.ts';
import { toMs } from '../../config/units.ts';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../domain/backoff.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import type { Page, PageRequest, PullSource } from '../../ports/pull-source.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { findRecords } from './find-records.ts';
import { paginatorRules } from './paginate.ts';
import { retryAfterMs } from './retry-after.ts';
import type { HttpAnswer, HttpSender } from './send-request.ts';

export interface HttpPullDeps {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly config: HttpSourceConfig;
  readonly sender: HttpSender;
  readonly parameters: ParameterStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number;
}

/** Patient enough for an API that restarts, and bounded by the run's deadline anyway. */
const RETRY_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, baseDelayMs: 500, maxDelayMs: 20_000 };
/** An API that asks for more patience than this is asked again by the next run. */
const MAX_WAIT_MS = 60_000;
/** A page is held in memory as a whole. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** Statuses that pass: too early, too many requests, and errors of servers and gateways. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** A transient failure that says when to come back. */
class BusyError extends TransientError {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, waitMs: number | undefined) {
    super('PULL_BUSY', message);
    this.retryAfterMs = waitMs;
  }
}

interface Endpoint {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a source of type `http`. One instance may serve many runs; it keeps nothing that a run relies on. */
export function createHttpPullSource(deps: HttpPullDeps): PullSource {
  const { name, config, sender, parameters, clock, telemetry } = deps;
  const rules = paginatorRules(config.paginator);
  /** The page that was read before this one, to notice an API that ignores the page parameter. */
  let previous: { readonly token: string | undefined; readonly digest: string } | undefined;
  /** Whether an answer of fewer records than asked for has been confirmed to be the last one. */
  let isSizeTrusted = false;

  async function resolveEndpoint(): Promise<Endpoint> {
    const url = await resolveValue(config.url, parameters);
    if (!URL.canParse(url)) {
      const where =
        typeof config.url === 'string' ? `sources.${name}.url` : `SSM parameter ${config.url.parameter}`;
      throw new BlockedError(
        'PULL_URL_REFUSED',
        `${where} is not a URL; it must be like https://api.example.com/v1/items`,
      );
    }
    const headers: Record<string, string> = { accept: 'application/json' };
    for (const [header, value] of Object.entries(config.headers)) {
      headers[header.toLowerCase()] = await resolveValue(value, parameters);
    }
    return { url: new URL(url), headers };
  }

  function pageUrl({ url }: Endpoint, since: string | undefined, token: string | undefined): URL {
    if (config.paginator.type === 'link-header' && token !== undefined) return linkUrl(url, token);
    const target = new URL(url);
    for (const [parameter, value] of Object.entries(config.query)) target.searchParams.set(parameter, value);
    if (config.incremental !== undefined && since !== undefined) {
      target.searchParams.set(config.incremental.parameter, since);
    }
    rules.apply(target.searchParams, token);
    return target;
  }

  async function fetchPage({ since, token, deadlineMs }: PageRequest): Promise<Page> {
    const endpoint = await resolveEndpoint();
    const read = (page: string | undefined): Promise<ReadAnswer> =>
      readWithRetries(endpoint, pageUrl(endpoint, since, page), deadlineMs);
    const { answer, records } = await read(token);
    const next = rules.next({ ...toAnswer(answer), records: records.length }, token);
    checkProgress(records, token, next);
    if (next === undefined || rules.size === undefined || records.length >= rules.size)
      return { records, next };
    if (!isSizeTrusted) {
      const beyond = await read(next);
      if (beyond.records.length > 0) throw wrongSize(records.length, rules.size);
      isSizeTrusted = true;
    }
    return { records, next: undefined };
  }

  interface ReadAnswer {
    readonly answer: HttpAnswer;
    readonly records: readonly Uint8Array[];
  }

  async function readWithRetries(endpoint: Endpoint, url: URL, deadlineMs: number): Promise<ReadAnswer> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await readOnce(endpoint, url, deadlineMs);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        const askedMs = error instanceof BusyError ? error.retryAfterMs : undefined;
        const remainingMs = deadlineMs - clock.nowMs();
        const delayMs = nextDelayMs(RETRY_POLICY, attempts, remainingMs, deps.random());
        if (delayMs === undefined || (askedMs ?? 0) >= Math.min(remainingMs, MAX_WAIT_MS)) throw error;
        telemetry.count('Retries', name, 1);
        await clock.sleep(Math.max(delayMs, askedMs ?? 0));
      }
    }
  }

  async function readOnce({ headers }: Endpoint, url: URL, deadlineMs: number): Promise<ReadAnswer> {
    const timeoutMs = Math.min(toMs(config.requestTimeout), deadlineMs - clock.nowMs());
    if (timeoutMs <= 0) throw new TransientError('PULL_TIMEOUT', `no time is left to ask ${url.host}`);
    const { allowPrivateNetwork } = config;
    const answer = await sender.send(url, {
      headers,
      allowPrivateNetwork,
      timeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
    });
    checkStatus(answer, clock.nowMs());
    if (answer.status === 204) return { answer, records: [] };
    const records = findRecords(answer.body, config.recordsPath, answer.headers['content-type']);
    return { answer, records };
  }

  function checkProgress(
    records: readonly Uint8Array[],
    token: string | undefined,
    next: string | undefined,
  ): void {
    if (next !== undefined && next === token) {
      throw new BlockedError(
        'PULL_LOOP',
        `the answer to source ${name} names itself as the next page; check sources.${name}.paginator`,
      );
    }
    const digest = hash('sha256', Buffer.concat(records));
    if (
      token !== undefined &&
      records.length > 0 &&
      previous?.token !== token &&
      previous?.digest === digest
    ) {
      throw new BlockedError(
        'PULL_LOOP',
        `two pages of source ${name} hold the very same records: the API seems to ignore the page; check sources.${name}.paginator`,
      );
    }
    previous = { token, digest };
  }

  function wrongSize(records: number, size: number): BlockedError {
    return new BlockedError(
      'PULL_PAGE_SIZE',
      `the API answered ${String(records)} records where sources.${name}.paginator.size asks for ${String(size)}, and has more on the next page; set size to what the API really gives (at most ${String(records)})`,
    );
  }

  return { fetchPage };
}

function toAnswer({ body, headers, url }: HttpAnswer): { body: Buffer; link: string | undefined; url: URL } {
  // Node joins repeated Link headers; its types do not say so for this one.
  const { link } = headers;
  return { body, link: typeof link === 'string' ? link : link?.join(', '), url };
}

async function resolveValue(value: HttpSourceConfig['url'], parameters: ParameterStore): Promise<string> {
  return typeof value === 'string' ? value : (await parameters.get(value.parameter)).trim();
}

/** A link that was kept in the ledger still has to belong to the endpoint that is configured now. */
function linkUrl(endpoint: URL, token: string): URL {
  const url = URL.canParse(token) ? new URL(token) : undefined;
  if (url?.origin === endpoint.origin) return url;
  throw new BlockedError(
    'PULL_LINK',
    `the next page is not on ${endpoint.origin}; configure the url whose links stay on one origin`,
  );
}

/**
 * @throws TransientError with code `PULL_BUSY` for statuses that pass
 * @throws BlockedError with code `PULL_REFUSED` for all others that are not a success
 */
function checkStatus({ status, headers, url }: HttpAnswer, nowMs: number): void {
  if (status >= 200 && status < 300) return;
  const what = `${url.host}${url.pathname} answered with status ${String(status)}`;
  if (PASSING_STATUSES.has(status) || status >= 500) {
    throw new BusyError(what, retryAfterMs(headers['retry-after'], nowMs));
  }
  const hint =
    status === 401 || status === 403
      ? 'the API refuses the credentials; check "headers" and the SSM parameters they name'
      : 'check "url", "query" and the paginator';
  throw new BlockedError('PULL_REFUSED', `${what}: ${hint}`);
}
