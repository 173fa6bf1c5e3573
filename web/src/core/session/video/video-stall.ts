/**
 * Whether expected videos arrive, and how to repair one that does not: from the cheapest step to a new join. Pure.
 *
 * It knows nothing of packets. A video is expected if it is on screen and not paused by its sender.
 */

export type RepairStep =
  /** Request a key frame from the sender. */
  | 'keyFrame'
  /** Pause and resume the consumer. */
  | 'resume'
  /** Restart ICE of the receiving transport. */
  | 'restartIce'
  /** Rejoin. */
  | 'rejoin';

/** How long a video must stall before it is reported, and before each step. */
const TELL_MS = 4000;
const STEPS: readonly (readonly [afterMs: number, step: RepairStep])[] = [
  [4000, 'keyFrame'],
  [7000, 'keyFrame'],
  [10_000, 'resume'],
  [13_000, 'restartIce'],
  [20_000, 'rejoin'],
];
/** After the last step, key frames are requested repeatedly. */
const THEN_EVERY_MS = 10_000;
const THEN: readonly RepairStep[] = ['keyFrame', 'rejoin'];

/** One sample of a video. */
export interface Look {
  /** Decoded frames so far. */
  frames: number;
  /** A screen may be still: only its first frame can be missing. */
  isScreen: boolean;
  /** The server forwards nothing: it receives nothing, or has no bandwidth for it. */
  isWithheld: boolean;
  /** No other expected video arrives either. */
  isAlone: boolean;
}

/** The state of one video. */
export interface Stillness {
  frames: number;
  stillMs: number;
  /** Steps taken since it stalled. */
  steps: number;
}

export const FRESH: Stillness = { frames: 0, stillMs: 0, steps: 0 };

export interface Judgement {
  now: Stillness;
  isStalled: boolean;
  step: RepairStep | undefined;
}

/** Evaluates a sample, `passedMs` after the previous one. */
export function judge(before: Stillness, look: Look, passedMs: number): Judgement {
  const { frames, isScreen } = look;
  // A new decoder restarts the counter.
  if (frames !== before.frames || (isScreen && frames > 0)) return { now: { ...FRESH, frames }, isStalled: false, step: undefined };
  const stillMs = before.stillMs + passedMs;
  const due = dueStep(before.steps, stillMs);
  const now = { frames, stillMs, steps: before.steps + (due === undefined ? 0 : 1) };
  return { now, isStalled: stillMs >= TELL_MS, step: due === undefined ? undefined : usefulStep(due, look) };
}

function dueStep(taken: number, stillMs: number): RepairStep | undefined {
  const [afterMs, step] = STEPS[taken] ?? furtherStep(taken - STEPS.length);
  return stillMs >= afterMs ? step : undefined;
}

function furtherStep(index: number): readonly [afterMs: number, step: RepairStep | undefined] {
  const [last] = STEPS.at(-1) ?? [0];
  return [last + (index + 1) * THEN_EVERY_MS, THEN[index % THEN.length]];
}

/** If other videos arrive, the transport is fine; if the server forwards nothing, neither transport nor join is to blame. */
function usefulStep(step: RepairStep, { isWithheld, isAlone }: Look): RepairStep {
  if (isWithheld && (step === 'restartIce' || step === 'rejoin')) return 'keyFrame';
  return step === 'restartIce' && !isAlone ? 'resume' : step;
}

/** Limits how often a missing video may cause a rejoin, which interrupts all others: with increasing intervals. */
export class RejoinAllowance {
  #nextAt = -Infinity;
  #pauseMs = 120_000;

  /** Whether a rejoin is allowed now; if so it is counted. */
  take(now: number): boolean {
    if (now < this.#nextAt) return false;
    this.#nextAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, 1_800_000);
    return true;
  }
}
