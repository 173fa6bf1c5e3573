/** How long one's own picture may fail to arrive at the server, as the server says, before it is sent anew. */

const FIRST_WAIT_MS = 8000;
const LONGEST_WAIT_MS = 300_000;

export class Unheard {
  readonly #sendAnew: () => void;
  #waitMs = FIRST_WAIT_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sendAnew: () => void) {
    this.#sendAnew = sendAnew;
  }

  /** 0: nothing arrives. What helps only for a moment is done ever more seldom. */
  note(score: number): void {
    if (score > 0) {
      this.stop();
      this.#waitMs = FIRST_WAIT_MS;
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
      this.#sendAnew();
    }, this.#waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
