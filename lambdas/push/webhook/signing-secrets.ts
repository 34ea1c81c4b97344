import { BlockedError, dispositionOf } from '../../../shared/domain/errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ParameterStore } from '../../../shared/ports/parameter-store.ts';
import type { Scheme } from './scheme.ts';
import type { SigningKey } from './signing-key.ts';

/** Secrets are read again this often at most because a signature fits none of them. */
const REFRESH_MS = 30_000;
/** A parameter that is missing or unusable stays so for this long, whoever asks. */
const BLOCKED_MS = 30_000;
/** One that could not be read just now is not asked for again before this time has passed. */
const PAUSE_MS = 2_000;

/** The keys of a source, as far as they could be read. */
export interface ReadKeys {
  readonly keys: readonly SigningKey[];
  /** Why a key is missing; undefined when all are there. */
  readonly failure: Error | undefined;
}

interface ReadOptions {
  /** Oldest value that may be used; by default what the store thinks right. */
  readonly maxAgeMs?: number;
}

/**
 * The signing secrets of all sources, out of their parameters. Strangers can set it to work, so it bounds how often a
 * parameter is read on their account.
 */
export class SigningSecrets {
  readonly #parameters: ParameterStore;
  readonly #clock: Clock;
  readonly #failures = new Map<string, { readonly error: Error; readonly untilMs: number }>();
  /** When the secrets of a source may be read again out of turn. */
  readonly #refreshAtMs = new Map<string, number>();

  constructor(options: { readonly parameters: ParameterStore; readonly clock: Clock }) {
    this.#parameters = options.parameters;
    this.#clock = options.clock;
  }

  async read(scheme: Scheme, names: readonly string[], options: ReadOptions = {}): Promise<ReadKeys> {
    const results = await Promise.all(names.map((name) => this.#readOne(scheme, name, options)));
    const keys: SigningKey[] = [];
    let failure: Error | undefined;
    for (const result of results) {
      if (result instanceof Error) failure ??= result;
      else keys.push(result);
    }
    return { keys, failure };
  }

  /**
   * The secrets as they are now, for a signature that fits none of those that are known: one may have been replaced.
   *
   * @returns undefined when it is too early to look again
   */
  async refresh(source: string, scheme: Scheme, names: readonly string[]): Promise<ReadKeys | undefined> {
    const nowMs = this.#clock.nowMs();
    if (nowMs < (this.#refreshAtMs.get(source) ?? -Infinity)) return undefined;
    this.#refreshAtMs.set(source, nowMs + REFRESH_MS);
    return await this.read(scheme, names, { maxAgeMs: 0 });
  }

  async #readOne(scheme: Scheme, name: string, options: ReadOptions): Promise<SigningKey | Error> {
    const known = this.#failures.get(name);
    if (known !== undefined && this.#clock.nowMs() < known.untilMs) return known.error;
    try {
      const value = await this.#parameters.get(name, options);
      const key = toKey(scheme, name, value);
      this.#failures.delete(name);
      return key;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      const pauseMs = dispositionOf(error) === 'block' ? BLOCKED_MS : PAUSE_MS;
      this.#failures.set(name, { error, untilMs: this.#clock.nowMs() + pauseMs });
      return error;
    }
  }
}

function toKey(scheme: Scheme, name: string, value: string): SigningKey {
  // Who sets a parameter from a file or by echo adds a line end that the secret does not have.
  const secret = value.replace(/[\r\n]+$/, '');
  // With an empty key anybody can sign.
  const key = secret.trim() === '' ? 'is empty' : scheme.toKey(secret);
  if (typeof key !== 'string') return key;
  throw new BlockedError(
    'SECRET_UNUSABLE',
    `the parameter ${name} holds no usable signing secret: it ${key}; set it as the sender shows it, with ` +
      `aws ssm put-parameter --overwrite --name '${name}' --type SecureString --value '<secret>'`,
  );
}
