/** Tracks which tiles are on screen and in which size, and notifies once the views have settled. `watching.ts` decides what to receive. */

import type { Size } from './watching';

const PAUSE_MS = 150;
/** Views that have shown nothing after so many pauses are not going to: the page is in the background, or far too slow. */
const MOST_PAUSES = 6;

export class Watcher {
  readonly seen = new Map<string, Size>();
  isPageHidden = false;
  readonly #notify: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Left until views must have shown something. Before that no tile is known to be out of sight, and pausing its video would cost its first frames. */
  #pausesLeft = MOST_PAUSES;

  constructor(notify: () => void) {
    this.#notify = notify;
  }

  /** Sets the size of a tile on screen; undefined when it is no longer visible. */
  note(key: string, size: Size | undefined): void {
    if (size === undefined) this.seen.delete(key);
    else this.#show(key, size);
    this.notifySoon();
  }

  setPageHidden(isHidden: boolean): void {
    this.isPageHidden = isHidden;
    this.notifySoon();
  }

  /** Not delayed by further changes: with constant changes it would never fire. */
  notifySoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#pausesLeft > 0) this.#wait();
      else this.#notify();
    }, PAUSE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #show(key: string, size: Size): void {
    this.seen.set(key, size);
    this.#pausesLeft = 0;
  }

  #wait(): void {
    this.#pausesLeft -= 1;
    this.notifySoon();
  }
}
