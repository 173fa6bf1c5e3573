/**
 * The previous connection of a session: browsers keep the last frame of a track until its transport is closed, so it is shown until there are
 * new ones. It decides only when to close what.
 */

import type { RoomConnection } from './connection/room-connection';

/** How long last frames are kept after a rejoin: the other participants return one by one. */
export const LAST_FRAMES_KEPT_MS = 15_000;

export class LastFrames {
  readonly #onDropped: () => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #connection: RoomConnection | undefined;

  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
  }

  /** The frames of a connection that has just ended, in place of older ones. */
  keep(connection: RoomConnection): void {
    this.hold();
    this.#connection?.close();
    this.#connection = connection;
  }

  /** Keeps them until the next `release`. */
  hold(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** There is a new connection: the old one sends for that long, and its frames are dropped a while later. */
  release(sendingMs: number): void {
    if (sendingMs === 0) this.#connection?.closeSending();
    else this.#later(sendingMs, () => this.#connection?.closeSending());
    this.#later(LAST_FRAMES_KEPT_MS, () => this.drop());
  }

  drop(): void {
    this.hold();
    this.#connection?.close();
    this.#connection = undefined;
    this.#onDropped();
  }

  #later(ms: number, act: () => void): void {
    this.#timers.add(setTimeout(act, ms));
  }
}
