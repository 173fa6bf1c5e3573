/**
 * Sends the sound of an audio element to a speaker, or to the system default if that speaker fails: it may be gone.
 *
 * It never stops the sound: an element whose speaker cannot be changed plays where it has played before.
 */

/** The part of an audio element that is used here; not every browser can select a speaker. */
export interface Sounding {
  setSinkId?: (sinkId: string) => Promise<void>;
}

const DEFAULT = '';

export class SpeakerOutput {
  readonly #element: Sounding;
  #wanted = DEFAULT;
  /** The speaker of the latest attempt. */
  #tried = DEFAULT;
  #isRunning = false;

  constructor(element: Sounding) {
    this.#element = element;
  }

  /** Whether the sound goes where it shall, as far as that is possible. */
  get isSettled(): boolean {
    return !this.#isRunning;
  }

  /** Selects a speaker; undefined: the system default. The latest one wins, whichever attempt ends last. */
  async select(sinkId: string | undefined): Promise<void> {
    this.#wanted = sinkId ?? DEFAULT;
    if (this.#isRunning || this.#element.setSinkId === undefined) return;
    this.#isRunning = true;
    while (this.#tried !== this.#wanted) await this.#try(this.#wanted);
    this.#isRunning = false;
  }

  async #try(sinkId: string): Promise<void> {
    this.#tried = sinkId;
    try {
      await this.#element.setSinkId?.(sinkId);
    } catch {
      if (sinkId === DEFAULT || this.#wanted !== sinkId) return;
      await this.#element.setSinkId?.(DEFAULT).catch(() => undefined);
    }
  }
}
