/**
 * When to retry, as protoo clients do: immediately after a lost connection, then after 1, 2, 4, 8, 8 … s; about 63 s in total.
 * The server's `Retry-After` takes precedence. Pure.
 */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;
const MAX_ATTEMPTS = 11;

/** Bounds for the server's `Retry-After`. */
const MIN_RETRY_AFTER_MS = 250;
const MAX_RETRY_AFTER_MS = 30_000;

/**
 * Milliseconds before attempt number `attempt` (the first is 1, immediate); undefined means give up. `retryAfterMs` is the
 * server's `Retry-After`.
 */
export function waitBeforeAttempt(attempt: number, retryAfterMs?: number): number | undefined {
  if (attempt > MAX_ATTEMPTS) return undefined;
  if (retryAfterMs !== undefined) return Math.min(Math.max(retryAfterMs, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);
  if (attempt <= 1) return 0;
  return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 2), LONGEST_WAIT_MS);
}
