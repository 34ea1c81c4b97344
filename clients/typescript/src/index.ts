export { createClient } from './create-client.ts';
export { DeliveryError } from './delivery-error.ts';
export { flushOnExit, type ExitOptions } from './flush-on-exit.ts';
export { isDurable } from './record-result.ts';
export type {
  DeliveryFailure,
  PushRecord,
  RecordError,
  RecordResult,
  UndeliveredRecord,
} from './record-result.ts';
export type { Client, ClientStats, FlushOptions, SendOptions } from './client.ts';
export type { ClientOptions } from './client-options.ts';
export type { RequestEvent } from './request-event.ts';
