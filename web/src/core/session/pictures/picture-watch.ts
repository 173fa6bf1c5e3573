/**
 * Whether pictures that are expected do come, and what to do about one that does not: from what costs nothing to a whole new join. Pure.
 *
 * It knows nothing of packets. A picture that is expected is one that somebody looks at and that its sender does not hold back.
 */

export type MendStep =
  /** Ask the sender for a picture that does not depend on others. */
  | 'keyFrame'
  /** Let the server begin anew to forward the picture. */
  | 'resume'
  /** Look for another way for everything that is received. */
  | 'restartIce'
  /** Join anew. */
  | 'rejoin';

/** For how long a picture has to stand still before it is said, and before each step. */
const TELL_MS = 4000;
const STEPS: readonly (readonly [afterMs: number, step: MendStep])[] = [
  [4000, 'keyFrame'],
  [7000, 'keyFrame'],
  [10_000, 'resume'],
  [13_000, 'restartIce'],
  [20_000, 'rejoin'],
];
/** After the last step all that can be done is to go on asking. */
const THEN_EVERY_MS = 10_000;
const THEN: readonly MendStep[] = ['keyFrame', 'rejoin'];

/** What is seen of one picture now. */
export interface Look {
  /** Frames that have been shown so far. */
  frames: number;
  /** Of a screen, which may well stand still: only its first frame can be missed. */
  isScreen: boolean;
  /** The server says that there is nothing to forward: the sender sends nothing, or there is no bandwidth for it. */
  isWithheld: boolean;
  /** No other picture that is expected comes either. */
  isAlone: boolean;
}

/** What is remembered of one picture. */
export interface Stillness {
  frames: number;
  stillMs: number;
  /** Number of steps that were taken since it stands still. */
  steps: number;
}

export const FRESH: Stillness = { frames: 0, stillMs: 0, steps: 0 };

export interface Judgement {
  now: Stillness;
  isStalled: boolean;
  step: MendStep | undefined;
}

/** Judges a picture by another look, `passedMs` after the one before. */
export function judge(before: Stillness, look: Look, passedMs: number): Judgement {
  const { frames, isScreen } = look;
  // Counters begin anew with the decoder.
  if (frames !== before.frames || (isScreen && frames > 0)) return { now: { ...FRESH, frames }, isStalled: false, step: undefined };
  const stillMs = before.stillMs + passedMs;
  const due = dueStep(before.steps, stillMs);
  const now = { frames, stillMs, steps: before.steps + (due === undefined ? 0 : 1) };
  return { now, isStalled: stillMs >= TELL_MS, step: due === undefined ? undefined : usefulStep(due, look) };
}

function dueStep(taken: number, stillMs: number): MendStep | undefined {
  const [afterMs, step] = STEPS[taken] ?? furtherStep(taken - STEPS.length);
  return stillMs >= afterMs ? step : undefined;
}

function furtherStep(index: number): readonly [afterMs: number, step: MendStep | undefined] {
  const [last] = STEPS.at(-1) ?? [0];
  return [last + (index + 1) * THEN_EVERY_MS, THEN[index % THEN.length]];
}

/** Where others' pictures come, the way is good; where the server withholds it, neither way nor join is to blame. */
function usefulStep(step: MendStep, { isWithheld, isAlone }: Look): MendStep {
  if (isWithheld && (step === 'restartIce' || step === 'rejoin')) return 'keyFrame';
  return step === 'restartIce' && !isAlone ? 'resume' : step;
}

/** How often a picture that does not come may cost everybody else's for a moment: seldom, and ever more seldom. */
export class RejoinAllowance {
  #nextAt = -Infinity;
  #pauseMs = 120_000;

  /** Whether one may join anew now; counts as done if so. */
  take(now: number): boolean {
    if (now < this.#nextAt) return false;
    this.#nextAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, 1_800_000);
    return true;
  }
}
