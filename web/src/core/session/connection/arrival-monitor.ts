/** Restarts the camera's producer when the server reports that nothing of it arrives. */

const FIRST_WAIT_MS = 8000;
const LONGEST_WAIT_MS = 300_000;

export class ArrivalMonitor {
  readonly #restart: () => void;
  #waitMs = FIRST_WAIT_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(restart: () => void) {
    this.#restart = restart;
  }

  /** 0: nothing arrives. Restarts become less frequent each time. */
  note(score: number): void {
    if (score > 0) {
      this.stop();
      this.#waitMs = FIRST_WAIT_MS;
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
      this.#restart();
    }, this.#waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
