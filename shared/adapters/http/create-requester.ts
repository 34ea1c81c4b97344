import { toMs } from '../../config/units.ts';
import type { HttpSourceConfig } from '../../config/schema.ts';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../domain/backoff.ts';
import { TransientError } from '../../domain/errors.ts';
import { RateLimitedError } from '../../domain/rate-limited-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { TokenStore } from '../../ports/token-store.ts';
import { createAuthenticator } from './auth/create-authenticator.ts';
import { findRecords } from './find-records.ts';
import { BusyError, judgeAnswer } from './judge-answer.ts';
import { exhaustedUntilMs } from './rate-limits.ts';
import { createRequestBudget } from './request-budget.ts';
import type { RequestDraft } from './request-draft.ts';
import type { HttpAnswer, HttpSender } from './send-request.ts';

export interface RequesterDeps {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly config: HttpSourceConfig;
  readonly sender: HttpSender;
  readonly parameters: ParameterStore;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number;
  /** Share of `apiBudget` that this process may use now; all of it if absent. */
  readonly budgetShare?: () => number;
}

/** An answer that holds records. */
export interface ReadAnswer {
  readonly answer: HttpAnswer;
  readonly records: readonly Uint8Array[];
  /** Whether a rule takes it as an empty page. */
  readonly isIgnored: boolean;
  /** Whether the source has said on the way that it is asked too often. */
  readonly rateLimited: boolean;
}

/** Sends the requests of one source: with its credentials, within its limits, as often as it takes. */
export interface Requester {
  /**
   * @param draft makes the request anew for each attempt
   * @throws RateLimitedError with code `PULL_RATE_LIMITED` when the source, or its budget, asks for more patience than
   * the run has
   * @throws TransientError when the source does not answer as it should, BlockedError when it never will
   */
  read(draft: () => RequestDraft, recordsPath: string | undefined, deadlineMs: number): Promise<ReadAnswer>;
  /** The address of a next page as it may be kept: without credentials. */
  withoutSecrets(url: string): string;
}

/** Patient enough for an API that restarts, and bounded by the run's deadline anyway. */
const RETRY_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, baseDelayMs: 500, maxDelayMs: 20_000 };
/** An API that asks for more patience than this is asked again by the next run. */
const MAX_WAIT_MS = 60_000;
/** A page is held in memory as a whole. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);
const UNAUTHORIZED = 401;

/** Makes the requester of a source; it lives as long as the process, so that limits and tokens outlast a run. */
export function createRequester(deps: RequesterDeps): Requester {
  const { name, config, sender, clock, telemetry } = deps;
  const { allowPrivateNetwork, apiBudget, rateLimit, errorHandler: rules } = config;
  const requestTimeoutMs = toMs(config.requestTimeout);
  const auth = createAuthenticator(config.auth, {
    ...deps,
    allowPrivateNetwork,
    timeoutMs: requestTimeoutMs,
  });
  const budget =
    apiBudget && createRequestBudget({ requests: apiBudget.requests, perMs: toMs(apiBudget.per) });
  /** When the source may be asked again, by its own last word. */
  let notBeforeMs = 0;

  async function read(
    draft: () => RequestDraft,
    recordsPath: string | undefined,
    deadlineMs: number,
  ): Promise<ReadAnswer> {
    let rateLimited = false;
    for (let attempts = 1; ; attempts++) {
      try {
        return { ...(await readOnce(draft, recordsPath, deadlineMs)), rateLimited };
      } catch (error) {
        // Waits for a limit are no failures of the source; readOnce has decided that this one is too long.
        if (!(error instanceof TransientError) || error instanceof TooLongError) throw error;
        const isLimit = error instanceof RateLimitedError;
        rateLimited ||= isLimit;
        const untilMs = isLimit || error instanceof BusyError ? error.untilMs : undefined;
        const askedMs = Math.max(0, (untilMs ?? 0) - clock.nowMs());
        const remainingMs = deadlineMs - clock.nowMs();
        const delayMs = nextDelayMs(RETRY_POLICY, attempts, remainingMs, deps.random());
        if (delayMs === undefined || askedMs >= Math.min(remainingMs, MAX_WAIT_MS)) throw error;
        telemetry.count('Retries', name, 1);
        await clock.sleep(Math.max(delayMs, askedMs));
      }
    }
  }

  async function readOnce(
    draft: () => RequestDraft,
    recordsPath: string | undefined,
    deadlineMs: number,
  ): Promise<Omit<ReadAnswer, 'rateLimited'>> {
    const answer = await exchange(draft, deadlineMs);
    const nowMs = clock.nowMs();
    notBeforeMs = Math.max(notBeforeMs, exhaustedUntilMs(answer.headers, rateLimit, nowMs) ?? 0);
    const verdict = judgeAnswer(answer, { rules, rateLimit, nowMs });
    if (verdict === 'ignore') {
      const { status } = answer;
      telemetry.log('warn', 'an answer is taken as an empty page, as errorHandler says', {
        source: name,
        status,
      });
      return { answer: { ...answer, headers: {}, body: EMPTY }, records: [], isIgnored: true };
    }
    if (answer.status === 204) return { answer: { ...answer, body: EMPTY }, records: [], isIgnored: false };
    const records = findRecords(answer.body, recordsPath, answer.headers['content-type']);
    return { answer, records, isIgnored: false };
  }

  /** One request, and a second one with new credentials when those that it had are refused. */
  async function exchange(draft: () => RequestDraft, deadlineMs: number): Promise<HttpAnswer> {
    let rejected: string | undefined;
    let refusal: HttpAnswer | undefined;
    for (;;) {
      const request = draft();
      const credential = await auth.authorize(request, { deadlineMs, rejected });
      if (refusal !== undefined && credential === rejected) return refusal;
      const answer = await sendWithinLimits(request, deadlineMs);
      if (answer.status !== UNAUTHORIZED || credential === undefined || refusal !== undefined) return answer;
      refusal = answer;
      rejected = credential;
    }
  }

  async function sendWithinLimits(
    { url, headers, body }: RequestDraft,
    deadlineMs: number,
  ): Promise<HttpAnswer> {
    await waitForTurn(url, deadlineMs);
    const timeoutMs = Math.min(requestTimeoutMs, deadlineMs - clock.nowMs());
    if (timeoutMs <= 0) throw new TransientError('PULL_TIMEOUT', `no time is left to ask ${url.host}`);
    budget?.spend(clock.nowMs());
    return sender.send(url, {
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      allowPrivateNetwork,
      timeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
    });
  }

  /** @throws TooLongError when the wait is longer than the run, or than a function should idle */
  async function waitForTurn({ host }: URL, deadlineMs: number): Promise<void> {
    const nowMs = clock.nowMs();
    const budgetMs = budget?.waitMs(nowMs, deps.budgetShare?.()) ?? 0;
    const limitMs = Math.max(0, notBeforeMs - nowMs);
    const waitMs = Math.max(budgetMs, limitMs);
    if (waitMs === 0) return;
    if (waitMs >= Math.min(deadlineMs - nowMs, MAX_WAIT_MS)) {
      const by = limitMs >= budgetMs ? 'source' : 'budget';
      const what =
        by === 'source' ? `the limit of ${host} is used up` : `the apiBudget of source ${name} is used up`;
      throw new TooLongError(`${what} for another ${String(Math.ceil(waitMs / 1000))} s`, {
        by,
        untilMs: nowMs + waitMs,
      });
    }
    await clock.sleep(waitMs);
  }

  return {
    read,
    withoutSecrets(url) {
      if (auth.secretParameter === undefined) return url;
      const clean = new URL(url);
      clean.searchParams.delete(auth.secretParameter);
      return clean.href;
    },
  };
}

/** A wait that is known before anything was sent, and is too long. */
class TooLongError extends RateLimitedError {}
