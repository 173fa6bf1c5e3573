/**
 * Replaces the media of a connection whose transports the server has lost, with everything on them. What was received stays on screen until it
 * arrives again; what does not is removed after a while.
 *
 * It creates no transports itself, and never touches signaling.
 */

import type { Log } from '../../log';
import type { Scope } from '../../scope';
import type { RoomEvent } from '../events';

/** What does not arrive again is removed after this long. */
export const LEFTOVERS_MS = 5000;

export interface RenewalContext {
  /** Returns the consumers that exist, and forgets them. */
  takeLost: () => string[];
  /** Creates other transports, and uses them. */
  renew: () => Promise<void>;
  tell: (event: RoomEvent) => void;
  onFailed: () => void;
  log: Log;
  /** Ends with signaling. */
  lifetime: Scope;
}

export class Renewal {
  readonly #context: RenewalContext;
  #running: Promise<void> | undefined;

  constructor(context: RenewalContext) {
    this.#context = context;
  }

  /** Whether transports are being created. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves once no transports are being created. Never throws. */
  async done(): Promise<void> {
    await this.#running;
  }

  /** One after the other: transports that were just created may be lost, too. */
  start(): void {
    const running = this.done().then(() => this.#run());
    this.#running = running;
    void running.finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { takeLost, renew, tell, onFailed, log, lifetime } = this.#context;
    const lost = takeLost();
    tell({ type: 'leftBehind', peerIds: [], consumerIds: lost });
    const timer = setTimeout(() => {
      for (const consumerId of lost) tell({ type: 'trackRemoved', consumerId });
    }, LEFTOVERS_MS);
    lifetime.onEnd(() => clearTimeout(timer));
    try {
      await renew();
    } catch (error) {
      log.warn('could not create other transports', error);
      onFailed();
    }
  }
}
