/**
 * Lifetimes: resources register their cleanup with a scope, so that nothing outlives its owner.
 */

export class Scope {
  #ends: (() => void)[] = [];
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs `end` when the scope ends, or immediately if it has already ended. */
  onEnd(end: () => void): void {
    if (this.#ended) end();
    else this.#ends.push(end);
  }

  /** Ends the scope, last registered first. A second call does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const end of this.#ends.reverse()) end();
    this.#ends = [];
  }
}
