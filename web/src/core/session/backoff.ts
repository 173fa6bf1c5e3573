/**
 * When to try again, as protoo clients do it: at once after a lost connection, then after 1, 2, 4, 8, 8 … s; about 63 s in all. Pure.
 */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;
const MAX_ATTEMPTS = 11;

/** Milliseconds before attempt number `attempt` (1 is the first, at once); undefined once it is time to give up. */
export function waitBeforeAttempt(attempt: number): number | undefined {
  if (attempt > MAX_ATTEMPTS) return undefined;
  if (attempt <= 1) return 0;
  return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 2), LONGEST_WAIT_MS);
}
