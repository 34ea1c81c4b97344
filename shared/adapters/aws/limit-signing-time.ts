import { BlockedError } from '../../domain/errors.ts';

/** How far the time of a signature may be from the time that the caller goes by. */
const MAX_DIFFERENCE_MS = 60_000;

/**
 * Lets a request be sent only when it is signed within a minute of the time that its caller goes by; otherwise sending
 * it throws a BlockedError with code `CLOCK_WRONG`. S3 refuses a signature that is more than 15 minutes away from its
 * clock; but the SDK corrects a clock that is wrong, and repeats a request under a new signature, also after the process
 * was frozen. So without this S3's rule would say nothing about the time that the caller goes by.
 *
 * @param atMs ms since the epoch
 */
export function limitSigningTime(command: { readonly middlewareStack: unknown }, atMs: number): void {
  const stack = command.middlewareStack as MiddlewareStack;
  stack.addRelativeTo(
    (next) => async (args) => {
      const signedMs = parseAmzDate(args.request.headers['x-amz-date']);
      const isNear = Math.abs(signedMs - atMs) <= MAX_DIFFERENCE_MS;
      if (isNear) return await next(args);
      throw new BlockedError(
        'CLOCK_WRONG',
        `a request of ${new Date(atMs).toISOString()} would be signed at another time ` +
          `(${args.request.headers['x-amz-date'] ?? 'none'}): set this machine's clock`,
      );
    },
    { relation: 'after', toMiddleware: 'httpSigningMiddleware', name: 'headgateSigningTime' },
  );
}

/** `20260131T235959Z`. @returns NaN when it is no such time */
function parseAmzDate(text = ''): number {
  return Date.parse(text.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

interface SignedArguments {
  readonly request: { readonly headers: Readonly<Record<string, string | undefined>> };
}
type Handler = (args: SignedArguments) => Promise<unknown>;

/** The part of the SDK's middleware stack that is used; its own types differ by command. */
interface MiddlewareStack {
  addRelativeTo(
    middleware: (next: Handler) => Handler,
    options: { readonly relation: 'after'; readonly toMiddleware: string; readonly name: string },
  ): void;
}
