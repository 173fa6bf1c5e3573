/**
 * Whether the meeting became ready while this client waits to join or rejoin: becoming ready ends the backoff
 * once. Still being ready does not: the attempt that just failed already assumed it.
 */

import type { Unsubscribe } from '../emitter';

/** Watches whether the meeting is ready; the listener is also called with the current state. */
export type ReadinessWatch = (listener: (isReady: boolean) => void) => Unsubscribe;

export class Readiness {
  readonly #watch: ReadinessWatch | undefined;
  readonly #onReady: () => void;
  #end: Unsubscribe | undefined;
  #isReady = false;
  #hasBecomeReady = false;

  constructor(watch: ReadinessWatch | undefined, onReady: () => void) {
    this.#watch = watch;
    this.#onReady = onReady;
  }

  follow(): void {
    this.#end ??= this.#watch?.((isReady) => this.#update(isReady));
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#isReady = this.#hasBecomeReady = false;
  }

  /** An attempt starts: earlier reports do not end the backoff after it. */
  forget(): void {
    this.#hasBecomeReady = false;
  }

  /** Whether the meeting became ready since the last attempt started. True only once. */
  takeReady(): boolean {
    const hasBecomeReady = this.#hasBecomeReady;
    this.#hasBecomeReady = false;
    return hasBecomeReady;
  }

  #update(isReady: boolean): void {
    const isNews = isReady && !this.#isReady;
    this.#isReady = isReady;
    if (!isNews) return;
    this.#hasBecomeReady = true;
    this.#onReady();
  }
}
