/**
 * Opening something that takes its time, for as long as it is wished: what comes after the wish is over, or was overtaken by a newer
 * one, is given back at once. One rule for microphone, camera and screen.
 */

import { toConveneError, type ConveneError } from '../errors';

/** What came of it; undefined where nobody wants it any more. */
export type Opened<T> = { value: T } | { error: ConveneError } | undefined;

export class Opening<T> {
  readonly #giveBack: (value: T) => void;
  /** Of the latest wish. */
  #wish: symbol | undefined;

  constructor(giveBack: (value: T) => void) {
    this.#giveBack = giveBack;
  }

  /** Never throws: failure is an outcome. What is opened in several steps asks before each whether it is still wished. */
  async run(open: (isWished: () => boolean) => Promise<T>): Promise<Opened<T>> {
    const wish = (this.#wish = Symbol('wish'));
    const isWished = (): boolean => this.#wish === wish;
    try {
      const value = await open(isWished);
      if (isWished()) return { value };
      this.#giveBack(value);
    } catch (thrown) {
      if (isWished()) return { error: toConveneError(thrown, 'device-failed') };
    }
    return undefined;
  }

  /** It is not wished any more. */
  cancel(): void {
    this.#wish = undefined;
  }
}
