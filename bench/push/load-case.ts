import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import { answerMeasurements, measuringInput } from '../measuring-process.ts';
import { loadFunction, type FunctionToLoad } from './load-function.ts';
import {
  createUniqueBodies,
  RECORDS_PER_REQUEST,
  toContext,
  toPushEvent,
  type Sender,
} from './push-requests.ts';
import type { SentRequest } from './summarise-load.ts';

/*
 * The function under load: a measuring process that is given a FunctionToLoad, is asked with a Load and answers
 * with a LoadOutput.
 */

/**
 * - `inTurn`: requests come to one instance, each when the one before is answered
 * - `open`: requests come when they come, whether those before are answered or not, as to as many instances as it takes;
 *   all of them share one process here
 */
export type Load = { readonly sender: Sender } & (
  | { readonly kind: 'inTurn'; readonly requests: number }
  | {
      readonly kind: 'open';
      readonly seed: number;
      readonly requestsPerSecond: number;
      readonly seconds: number;
    }
);

export interface LoadOutput {
  readonly requests: readonly SentRequest[];
  /** From the first request to the last answer. */
  readonly seconds: number;
}

const TIMEOUT_MS = 25_000;

const handler = loadFunction(measuringInput() as FunctionToLoad);
const uniqueBody = createUniqueBodies();
let sent = 0;

async function send(sender: Sender): Promise<SentRequest> {
  const { body, payload } = uniqueBody(sent++);
  const event = toPushEvent(sender, body);
  const beganAtMs = performance.now();
  const { statusCode = 0, body: text = '{}' } = await handler(event, toContext(TIMEOUT_MS));
  const handlerMs = performance.now() - beganAtMs;
  const { accepted } = JSON.parse(text) as { accepted?: number };
  if (statusCode < 300 && accepted !== RECORDS_PER_REQUEST)
    throw new Error(`a request was answered ${String(statusCode)}: ${text}`);
  const hash = createHash('sha256');
  for (const part of payload) hash.update(part);
  return { statusCode, handlerMs, records: RECORDS_PER_REQUEST, payload: hash.digest('hex') };
}

async function sendInTurn({ sender, requests: count }: Load & { kind: 'inTurn' }): Promise<SentRequest[]> {
  const requests: SentRequest[] = [];
  while (requests.length < count) requests.push(await send(sender));
  return requests;
}

async function sendAtRate(load: Load & { kind: 'open' }): Promise<SentRequest[]> {
  const { seed, requestsPerSecond, seconds } = load;
  const random = createSeededRandom(seed);
  const beganAtMs = performance.now();
  const running: Promise<SentRequest>[] = [];
  for (let atMs = 0; ;) {
    // The time between two requests of many independent senders.
    atMs -= (Math.log(1 - random()) * 1000) / requestsPerSecond;
    if (atMs > seconds * 1000) break;
    const waitMs = beganAtMs + atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    running.push(send(load.sender));
  }
  return await Promise.all(running);
}

async function measure(question: unknown): Promise<LoadOutput> {
  const load = question as Load;
  const beganAtMs = performance.now();
  const requests = await (load.kind === 'inTurn' ? sendInTurn(load) : sendAtRate(load));
  return { requests, seconds: (performance.now() - beganAtMs) / 1000 };
}

answerMeasurements(measure, () => Promise.resolve(process.exit()));
