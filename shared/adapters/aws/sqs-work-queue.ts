import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { PullWork, WorkDeliveries, WorkQueue } from '../../ports/work-queue.ts';
import { callAws } from './translate-error.ts';

/**
 * Work in an SQS queue that invokes the function which sends to it. Each message is one piece of work, as JSON; a message
 * that is sent twice because an answer was lost is work that is done twice, which changes nothing.
 */
export class SqsWorkQueue implements WorkQueue, WorkDeliveries {
  readonly #sqs: SQSClient;
  readonly #url: string;

  constructor(options: { readonly sqs: SQSClient; readonly url: string }) {
    this.#sqs = options.sqs;
    this.#url = options.url;
  }

  async send(work: PullWork, delaySeconds = 0): Promise<void> {
    await callAws(this.#call('SendMessage'), () =>
      this.#sqs.send(
        new SendMessageCommand({
          QueueUrl: this.#url,
          MessageBody: JSON.stringify(work),
          DelaySeconds: delaySeconds,
        }),
      ),
    );
  }

  async postpone(receipt: string, delaySeconds: number): Promise<void> {
    await callAws(this.#call('ChangeMessageVisibility'), () =>
      this.#sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: this.#url,
          ReceiptHandle: receipt,
          VisibilityTimeout: delaySeconds,
        }),
      ),
    );
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `queue ${this.#url}` };
  }
}
