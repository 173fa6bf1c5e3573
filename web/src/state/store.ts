/** An immutable value with subscriptions, for React's useSyncExternalStore. The value changes at once; a pace may notify later. */

import type { Pace } from './pace';

const AT_ONCE: Pace = (notify) => notify();

export class Store<T> {
  readonly #listeners = new Set<() => void>();
  readonly #pace: Pace;
  #value: T;
  /** Whether there are changes of which listeners have not been notified: together, they are one. */
  #isDue = false;

  constructor(value: T, pace = AT_ONCE) {
    this.#value = value;
    this.#pace = pace;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  update(change: (value: T) => T): void {
    const next = change(this.#value);
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    this.#isDue = true;
    this.#pace(() => this.#notify());
  }

  #notify(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    for (const listener of [...this.#listeners]) listener();
  }
}
