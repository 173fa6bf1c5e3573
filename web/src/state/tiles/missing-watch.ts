/** Tracks how long videos have been missing, and reports changes of which are left out. `missing.ts` decides what counts. */

import { lateIn, leftOutOf, missingOf, type Missing } from './missing';
import type { Tile } from './tiles';
import type { Watching } from './watching';

interface Options {
  now: () => number;
  /** Called with tile keys, only when they change. */
  onChange: (leftOut: ReadonlySet<string>) => void;
}

export class MissingWatch {
  readonly #options: Options;
  #missing: Missing = new Map();
  #leftOut: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  update(tiles: readonly Tile[], watching: Pick<Watching, 'seen' | 'isPageHidden'>): void {
    this.#missing = missingOf(tiles, watching, this.#missing, this.#options.now());
    this.#judge();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #judge(): void {
    const now = this.#options.now();
    const leftOut = leftOutOf(this.#missing, now);
    this.#scheduleUpdate(lateIn(this.#missing, now));
    if (isSame(leftOut, this.#leftOut)) return;
    this.#leftOut = leftOut;
    this.#options.onChange(leftOut);
  }

  #scheduleUpdate(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) this.#timer = setTimeout(() => this.#judge(), ms);
  }
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((key) => other.has(key));
}
