// Waiting for conditions. The polled function returns what is still missing, for the message of a timeout.
import { setTimeout as pause } from 'node:timers/promises';

/** Undefined if the condition holds, otherwise a description of what is missing. */
export type Missing = string | undefined;

const POLL_MILLISECONDS = 200;

/** Polls until nothing is missing. An exception counts as "not yet": objects may not exist at first. */
export async function waitUntil(
  what: string,
  seconds: number,
  whatIsMissing: () => Promise<Missing> | Missing,
  pollMilliseconds = POLL_MILLISECONDS,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const missing = await Promise.resolve()
      .then(whatIsMissing)
      .catch((error: unknown) => firstLine(error));
    if (missing === undefined) return;
    if (performance.now() > deadline) throw new Error(`after ${String(seconds)} s, ${what}: ${missing}`);
    await pause(pollMilliseconds);
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? 'failed';
}
