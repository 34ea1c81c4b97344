import { answerMeasurements, measuringInput } from '../measuring-process.ts';
import { loadFunction, type FunctionToLoad } from './load-function.ts';
import { RECORDS_PER_REQUEST, toBody, toContext, toPushEvent, type Sender } from './push-requests.ts';

/*
 * The CPU time of one handler: a measuring process that is given a CaseInput and answers with CaseOutputs. One
 * measurement sends a number of requests, one after the other, as one instance of a function gets them.
 */

export interface CaseInput extends FunctionToLoad {
  readonly sender: Sender;
}

export interface CaseOutput {
  /** CPU time of the process, user and system, of all threads, in ms per 1,000 records. */
  readonly msPer1000: number;
}

const REQUESTS = 40;
const TIMEOUT_MS = 25_000;

const input = measuringInput() as CaseInput;
const handler = loadFunction(input);
const events = Array.from({ length: REQUESTS }, (_, number) => toPushEvent(input.sender, toBody(number + 1)));

async function measure(): Promise<CaseOutput> {
  const before = process.cpuUsage();
  for (const event of events) {
    const { statusCode, body } = await handler(event, toContext(TIMEOUT_MS));
    if (statusCode !== 202) throw new Error(`a request was answered ${String(statusCode)}: ${body ?? ''}`);
  }
  const { user, system } = process.cpuUsage(before);
  return { msPer1000: (user + system) / (REQUESTS * RECORDS_PER_REQUEST) };
}

answerMeasurements(measure, () => Promise.resolve(process.exit()));
