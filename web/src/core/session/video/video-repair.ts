/** Checks periodically whether the videos of one connection arrive, reports those that do not, and takes the steps that `judge` returns. */

import type { Log } from '../../log';
import type { Requester } from '../../signaling/requester';
import { FRESH, judge, type Look, type RepairStep, type Stillness } from './video-stall';

const SAMPLE_MS = 2000;

/** A video that is expected to arrive. */
export interface ExpectedVideo {
  consumerId: string;
  isScreen: boolean;
  isWithheld: boolean;
}

export interface VideoRepairContext {
  /** The videos expected now. Empty while media is known to be interrupted. */
  expected(): readonly ExpectedVideo[];
  /** Decoded frames of each so far; those without a count are skipped. */
  frames(consumerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  signaling: Requester;
  log: Log;
  onStalled(consumerId: string, isStalled: boolean): void;
  restartIce(): void;
  rejoin(): void;
}

export class VideoRepair {
  readonly #context: VideoRepairContext;
  #known = new Map<string, Stillness>();
  readonly #stalled = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isSampling = false;

  constructor(context: VideoRepairContext) {
    this.#context = context;
    this.#timer = setInterval(() => void this.#look(), SAMPLE_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A time in which the page was suspended counts as one check: no video is to blame for it. */
  async #look(): Promise<void> {
    const expected = this.#context.expected();
    this.#forget(expected);
    if (this.#isSampling || expected.length === 0) return;
    this.#isSampling = true;
    try {
      this.#judgeAll(await this.#context.frames(expected.map(({ consumerId }) => consumerId)));
    } finally {
      this.#isSampling = false;
    }
  }

  #judgeAll(frames: ReadonlyMap<string, number>): void {
    const isAlone = ![...frames].some(([consumerId, count]) => count > (this.#known.get(consumerId)?.frames ?? 0));
    const steps = new Set<RepairStep>();
    // Some may have been hidden in the meantime.
    for (const picture of this.#context.expected()) {
      const count = frames.get(picture.consumerId);
      if (count === undefined) continue;
      const step = this.#judgeOne(picture, { ...picture, frames: count, isAlone });
      if (step !== undefined) steps.add(step);
    }
    // These steps concern all videos.
    if (steps.has('rejoin')) this.#context.rejoin();
    else if (steps.has('restartIce')) this.#context.restartIce();
  }

  #judgeOne({ consumerId }: ExpectedVideo, look: Look): RepairStep | undefined {
    const { now, isStalled, step } = judge(this.#known.get(consumerId) ?? FRESH, look, SAMPLE_MS);
    this.#known.set(consumerId, now);
    this.#report(consumerId, isStalled);
    if (step !== undefined) this.#take(consumerId, step, now);
    return step;
  }

  #take(consumerId: string, step: RepairStep, { stillMs }: Stillness): void {
    const { signaling, log } = this.#context;
    log.warn(`no video of ${consumerId} for ${stillMs / 1000} s: ${step}`);
    if (step === 'keyFrame') signaling.notify('requestConsumerKeyFrame', { consumerId });
    if (step !== 'resume') return;
    signaling.notify('pauseConsumer', { consumerId });
    signaling.notify('resumeConsumer', { consumerId });
  }

  #report(consumerId: string, isStalled: boolean): void {
    if (this.#stalled.has(consumerId) === isStalled) return;
    if (isStalled) this.#stalled.add(consumerId);
    else this.#stalled.delete(consumerId);
    this.#context.onStalled(consumerId, isStalled);
  }

  /** Forgets videos that are no longer expected. */
  #forget(expected: readonly ExpectedVideo[]): void {
    const wanted = new Set(expected.map(({ consumerId }) => consumerId));
    this.#known = new Map([...this.#known].filter(([consumerId]) => wanted.has(consumerId)));
    for (const consumerId of [...this.#stalled]) if (!wanted.has(consumerId)) this.#report(consumerId, false);
  }
}
