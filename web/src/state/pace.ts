/**
 * When views learn of changes. Rendering takes tens of milliseconds, in which no message of the server is read: what arrives together is
 * rendered together, and the first moments of a join belong to its media.
 */

import { afterMessages } from '../core/after-messages';

/** Calls `notify` now or later, once. */
export type Pace = (notify: () => void) => void;

/** At once, except for changes that are made within `during`: those wait for all messages that have already arrived. */
export class Burst {
  #isOn = false;

  readonly pace: Pace = (notify) => (this.#isOn ? afterMessages(notify) : notify());

  during(act: () => void): void {
    this.#isOn = true;
    try {
      act();
    } finally {
      this.#isOn = false;
    }
  }
}

/** At once, except during a hold. */
export class Hold {
  #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly pace: Pace = (notify) => {
    if (this.#timer === undefined) notify();
    else this.#waiting.push(notify);
  };

  /** Until the release, at most this long. */
  start(mostMilliseconds: number): void {
    this.#timer ??= setTimeout(() => this.release(), mostMilliseconds);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const notify of this.#waiting.splice(0)) notify();
  }

  /** Releases in another task, so that what is being done now is not delayed. */
  releaseSoon(): void {
    if (this.#timer !== undefined) setTimeout(() => this.release(), 0);
  }
}
