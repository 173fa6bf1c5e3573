/** Keeps which tiles are on screen and how large, and tells what is to be received once the views have settled. What that is, `watching.ts` decides. */

import type { Size } from './watching';

const PAUSE_MS = 150;

export class Watcher {
  readonly seen = new Map<string, Size>();
  isPageHidden = false;
  readonly #tell: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  /** A tile is on screen in this size, or no longer. */
  note(key: string, size: Size | undefined): void {
    if (size === undefined) this.seen.delete(key);
    else this.seen.set(key, size);
    this.tellSoon();
  }

  setPageHidden(isHidden: boolean): void {
    this.isPageHidden = isHidden;
    this.tellSoon();
  }

  /** Not put off by further changes: where something changes all the time it would never be told. */
  tellSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, PAUSE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
