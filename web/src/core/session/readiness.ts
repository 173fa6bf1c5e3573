/**
 * What the router says of the meeting while this client tries to get (back) in: that it has become ready is news once, and ends the wait
 * for the next attempt. That it is still ready is none: the attempt that has just failed was made in that belief.
 */

import type { Unsubscribe } from '../emitter';

/** Follows whether the meeting is ready, from what is so now. */
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

  /** An attempt begins: what was heard before is no news for the wait after it. */
  forget(): void {
    this.#hasNews = false;
  }

  /** Whether the meeting has become ready since the last attempt began. Tells it once. */
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
