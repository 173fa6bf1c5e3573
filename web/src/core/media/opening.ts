/**
 * Opens something slow that may be canceled meanwhile: a result that arrives after its request was canceled or replaced by a newer
 * one is released immediately. The same rule applies to microphone, camera and screen.
 */

import { toConveneError, type ConveneError } from '../errors';

/** The outcome; undefined if the request was canceled or replaced. */
export type Opened<T> = { value: T } | { error: ConveneError } | undefined;

export class Opening<T> {
  readonly #giveBack: (value: T) => void;
  /** The latest request. */
  #request: symbol | undefined;

  constructor(giveBack: (value: T) => void) {
    this.#giveBack = giveBack;
  }

  /** Never throws: a failure is an outcome. `open` checks `isWanted` between its steps. */
  async run(open: (isWanted: () => boolean) => Promise<T>): Promise<Opened<T>> {
    const request = (this.#request = Symbol('request'));
    const isWanted = (): boolean => this.#request === request;
    try {
      const value = await open(isWanted);
      if (isWanted()) return { value };
      this.#giveBack(value);
    } catch (thrown) {
      if (isWanted()) return { error: toConveneError(thrown, 'device-failed') };
    }
    return undefined;
  }

  /** Cancels the request; its result is released. */
  cancel(): void {
    this.#request = undefined;
  }
}
