/**
 * When a join is prepared: on the pre-join screen of a meeting that is ready, while its user is there, and at most once a minute.
 * One that ends before it is prepared is repeated once, at once: it may have found an empty room that was just ending, and finds a new one.
 *
 * The preparation itself knows nothing of screens; a failed one is not reported, since the join works without it.
 */

import type { Preparation, PreparationState } from '../../core/session/preparation';
import type { MeetingBrief, Screen } from './app-state';

const AT_MOST_EVERY_MS = 60_000;

/** The part of a preparation that is used here. */
export type PreparationPort = Pick<Preparation, 'peerId' | 'drop'>;

export interface PreparerDependencies<P extends PreparationPort> {
  /** Starts one. */
  prepare: (onChange: (state: PreparationState) => void) => P;
  onChange: (isPrepared: boolean) => void;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

export interface Situation {
  screen: Screen['name'];
  meeting: Pick<MeetingBrief, 'isReady' | 'isUnreachable' | 'isOutOfReach'>;
  /** Whether the preview is open, or failed to open. Browsers hide network interfaces from pages that have not been allowed to capture. */
  hasPreview: boolean;
  /** Whether the user wants to save data. */
  savesData: boolean;
}

/** Whether a join should be prepared now. Pure. */
export function shouldPrepare({ screen, meeting, hasPreview, savesData }: Situation): boolean {
  return screen === 'preJoin' && meeting.isReady && !meeting.isUnreachable && !meeting.isOutOfReach && hasPreview && !savesData;
}

export class Preparer<P extends PreparationPort> {
  readonly #dependencies: PreparerDependencies<P>;
  #preparation: P | undefined;
  #lastStart = -Infinity;
  #isHere = true;
  #isWanted = false;
  #isSupported = true;

  constructor(dependencies: PreparerDependencies<P>) {
    this.#dependencies = dependencies;
  }

  /** To be called when the situation may have changed. */
  update(situation: Situation): void {
    const isWanted = shouldPrepare(situation);
    const isNew = isWanted && !this.#isWanted;
    this.#isWanted = isWanted;
    if (!isWanted) this.drop();
    else if (isNew) this.#start();
  }

  /** The user came back, or has left. */
  setPresence(isHere: boolean): void {
    this.#isHere = isHere;
    if (isHere) this.#start();
    else this.drop();
  }

  /** Gives the preparation away for a join with this peer id. One for another id is of no use. */
  take(peerId: string): P | undefined {
    const preparation = this.#preparation;
    if (preparation !== undefined && preparation.peerId !== peerId) {
      this.drop();
      return undefined;
    }
    this.#preparation = undefined;
    this.#dependencies.onChange(false);
    // It was used, not wasted: after the call, the next join may be prepared at once.
    if (preparation !== undefined) this.#lastStart = -Infinity;
    return preparation;
  }

  drop(): void {
    const preparation = this.#preparation;
    this.#preparation = undefined;
    preparation?.drop();
    this.#dependencies.onChange(false);
  }

  #start(): void {
    const { now } = this.#dependencies;
    if (!this.#mayPrepare() || now() - this.#lastStart < AT_MOST_EVERY_MS) return;
    this.#lastStart = now();
    this.#prepare(true);
  }

  #mayPrepare(): boolean {
    return this.#isWanted && this.#isHere && this.#isSupported && this.#preparation === undefined;
  }

  #prepare(mayRepeat: boolean): void {
    const run = { hasStarted: false, hasEnded: false, wasPrepared: false };
    const preparation: P = this.#dependencies.prepare((state) => {
      if (state === 'unsupported') this.#isSupported = false;
      run.hasEnded ||= state === 'ended' || state === 'unsupported';
      run.wasPrepared ||= state === 'prepared';
      // Otherwise it was dropped here.
      const isOurs = run.hasStarted && this.#preparation === preparation;
      this.#note(run.hasEnded ? undefined : preparation, state === 'prepared');
      if (mayRepeat && isOurs && run.hasEnded && !run.wasPrepared && this.#mayPrepare()) this.#prepare(false);
    });
    run.hasStarted = true;
    if (!run.hasEnded) this.#preparation = preparation;
  }

  #note(preparation: P | undefined, isPrepared: boolean): void {
    this.#preparation = preparation;
    this.#dependencies.onChange(isPrepared);
  }
}
