/** Requests that a room refuses because its meeting is being moved: they are repeated until it accepts them again, or the next server does. */

import { ConveneError } from '../../errors';
import { RequestRefused, RequestUnanswered } from '../../signaling/protoo';

const REPEAT_MS = 500;
/** For longer than a server keeps a room from changing. */
const REPEATS = 40;

/** Whether the room refuses the request only as long as it moves. */
export function isMoving(error: unknown): boolean {
  return error instanceof RequestRefused && error.errorCode === 409 && error.reason === 'moving';
}

export class Repeats {
  /** Shared by all requests that wait, so that their order stays. */
  #pause: Promise<void> | undefined;
  #endPause: () => void = () => undefined;

  /** Sends a request once it is no longer held back for a move, and repeats it while the room or the connection cannot take it because of one. */
  async run<T>(isHeld: () => boolean, send: () => Promise<T>): Promise<T> {
    let isMoved = false;
    for (let left = REPEATS; ; left -= 1) {
      for (; isHeld(); isMoved = true) await this.#paused();
      try {
        return await send();
      } catch (error) {
        isMoved ||= isMoving(error);
        const isWorthIt = isMoving(error) || (isMoved && isUnsent(error));
        if (left === 0 || !isWorthIt) throw error;
      }
      await this.#paused();
    }
  }

  /** There may be a server now that accepts them. */
  hurry(): void {
    this.#endPause();
  }

  #paused(): Promise<void> {
    return (this.#pause ??= this.#wait());
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause(), REPEAT_MS);
      this.#endPause = () => {
        clearTimeout(timer);
        this.#pause = undefined;
        resolve();
      };
    });
  }
}

/** What was sent and not answered may have been carried out: a message would appear twice. */
function isUnsent(error: unknown): boolean {
  return error instanceof ConveneError && error.code === 'connection-closed' && !(error instanceof RequestUnanswered);
}
