/** Tracks which tiles are on screen and in which size, and notifies once the views have settled. `watching.ts` decides what to receive. */

import type { Size } from './watching';

const PAUSE_MS = 150;

export class Watcher {
  readonly seen = new Map<string, Size>();
  isPageHidden = false;
  readonly #notify: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(notify: () => void) {
    this.#notify = notify;
  }

  /** Sets the size of a tile on screen; undefined when it is no longer visible. */
  note(key: string, size: Size | undefined): void {
    if (size === undefined) this.seen.delete(key);
    else this.seen.set(key, size);
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
      this.#notify();
    }, PAUSE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
