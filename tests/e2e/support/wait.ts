// Waiting by condition. The polled function says what is still missing, so that a test that times out says it too.
import { setTimeout as pause } from 'node:timers/promises';

/** Undefined: the condition holds. Otherwise what is missing, in words. */
export type Missing = string | undefined;

const POLL_MILLISECONDS = 200;

/** Polls until nothing is missing. An exception counts as "not yet" too: things may not exist at first. */
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
