/**
 * When a join is prepared: on the pre-join screen of a meeting that is ready, while its user is there, and at most once a minute.
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
    const { now, prepare } = this.#dependencies;
    const isAllowed = this.#isWanted && this.#isHere && this.#isSupported && now() - this.#lastStart >= AT_MOST_EVERY_MS;
    if (!isAllowed || this.#preparation !== undefined) return;
    this.#lastStart = now();
    const run = { hasEnded: false };
    const preparation: P = prepare((state) => {
      if (state === 'unsupported') this.#isSupported = false;
      run.hasEnded ||= state === 'ended' || state === 'unsupported';
      this.#note(run.hasEnded ? undefined : preparation, state === 'prepared');
    });
    if (!run.hasEnded) this.#preparation = preparation;
  }

  #note(preparation: P | undefined, isPrepared: boolean): void {
    this.#preparation = preparation;
    this.#dependencies.onChange(isPrepared);
  }
}
