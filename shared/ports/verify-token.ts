import type { PushSourceConfig } from '../config/schema.ts';

/** What a source asks of the tokens that are sent to it. */
export type TokenRules = Extract<PushSourceConfig['auth'], { type: 'jwt' }>;

/**
 * Checks a token against the rules of a source: signature, algorithm, issuer, audience, times and claims.
 *
 * It never throws for what a sender wrote, and never takes longer than one call of a push may (`PUSH_TIMEOUTS.callMs`).
 */
export type VerifyToken = (rules: TokenRules, token: string) => Promise<TokenVerdict>;

export type TokenVerdict =
  | { readonly status: 'valid'; readonly issuer: string; readonly subject: string }
  /** Nobody is proven by it. `problem` says why, for the sender: no part of the token, no key. */
  | { readonly status: 'invalid'; readonly problem: string }
  /** It proves its sender, who lacks a claim that the source asks for. */
  | { readonly status: 'insufficient'; readonly claim: string }
  /** The keys of the issuer cannot be had now. `reason` is for the operator. */
  | { readonly status: 'undecided'; readonly reason: string; readonly retryAfterMs: number };
