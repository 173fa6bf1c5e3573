/**
 * When to try again, as protoo clients do it: at once after a lost connection, then after 1, 2, 4, 8, 8 … s; about 63 s in all.
 * What the server says of it comes first. Pure.
 */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;
const MAX_ATTEMPTS = 11;

/** A server that says "now" or "tomorrow" is taken to mean these. */
const LEAST_TOLD_MS = 250;
const MOST_TOLD_MS = 30_000;

/**
 * Milliseconds before attempt number `attempt` (1 is the first, at once); undefined once it is time to give up. `toldMs` is when the
 * server wants to be asked again.
 */
export function waitBeforeAttempt(attempt: number, toldMs?: number): number | undefined {
  if (attempt > MAX_ATTEMPTS) return undefined;
  if (toldMs !== undefined) return Math.min(Math.max(toldMs, LEAST_TOLD_MS), MOST_TOLD_MS);
  if (attempt <= 1) return 0;
  return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 2), LONGEST_WAIT_MS);
}
