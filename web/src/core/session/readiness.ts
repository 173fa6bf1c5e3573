/**
 * Whether the meeting became ready while this client waits to join or rejoin: becoming ready ends the backoff
 * once. Still being ready does not: the attempt that just failed already assumed it.
 */

import type { Unsubscribe } from '../emitter';

/** Watches whether the meeting is ready; the listener is also called with the current state. */
export type ReadinessWatch = (listener: (isReady: boolean) => void) => Unsubscribe;

export class Readiness {
  readonly #watch: ReadinessWatch | undefined;
  readonly #onNews: () => void;
  #end: Unsubscribe | undefined;
  #isReady = false;
  #hasNews = false;

  constructor(watch: ReadinessWatch | undefined, onNews: () => void) {
    this.#watch = watch;
    this.#onNews = onNews;
  }

  follow(): void {
    this.#end ??= this.#watch?.((isReady) => this.#hear(isReady));
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#isReady = this.#hasNews = false;
  }

  /** An attempt starts: earlier reports do not end the backoff after it. */
  forget(): void {
    this.#hasNews = false;
  }

  /** Whether the meeting became ready since the last attempt started. True only once. */
  takeNews(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  #hear(isReady: boolean): void {
    const isNews = isReady && !this.#isReady;
    this.#isReady = isReady;
    if (!isNews) return;
    this.#hasNews = true;
    this.#onNews();
  }
}
