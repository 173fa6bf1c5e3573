/**
 * When the steps of a join happened, from the click to the first frame of another participant. Steps of a preparation lie before the click.
 *
 * It measures nothing itself: each part of a join notes its own step. The marks are also in the browser's performance timeline.
 */

/** In the order in which they usually happen; `ticket` to `receiving` may be prepared before the click. */
export type JoinStep = 'click' | 'ticket' | 'socket' | 'capabilities' | 'transports' | 'sending' | 'receiving' | 'join' | 'joined' | 'consumer' | 'frame';

export interface JoinRow {
  step: JoinStep;
  /** After the click; negative for what was prepared before it. */
  milliseconds: number;
}

/** A step that ends the table: without other participants, there is no frame to wait for. */
const LAST: ReadonlySet<JoinStep> = new Set(['frame']);
/** A first frame later than this after the join is that of a camera that was turned on later. */
const MOST_MS = 10_000;

/** The table: the noted steps in the order of time. Empty before the click. Pure. */
export function joinTableOf(times: ReadonlyMap<JoinStep, number>): JoinRow[] {
  const click = times.get('click');
  if (click === undefined) return [];
  return [...times].sort(([, one], [, other]) => one - other).map(([step, at]) => ({ step, milliseconds: Math.round((at - click) * 10) / 10 }));
}

/** One line for the log. Pure. */
export function joinLineOf(rows: readonly JoinRow[]): string {
  return rows.map(({ step, milliseconds }) => `${step} ${milliseconds} ms`).join(', ');
}

/** The part of the browser's `performance` that is used here. */
export type Clock = Pick<Performance, 'now' | 'mark'>;

export class JoinTimeline {
  readonly #clock: Clock;
  readonly #times = new Map<JoinStep, number>();
  #onEnd: ((rows: readonly JoinRow[]) => void) | undefined;

  constructor(clock: Clock = performance) {
    this.#clock = clock;
  }

  get rows(): readonly JoinRow[] {
    return joinTableOf(this.#times);
  }

  /** Only the first time of each step counts. */
  note(step: JoinStep, startTime = this.#clock.now()): void {
    if (this.#times.has(step) || this.#isTooLate(step)) return;
    this.#times.set(step, startTime);
    this.#clock.mark(`convene:join:${step}`, { startTime });
    if (LAST.has(step)) this.#end();
  }

  /** Calls `listener` once, with the whole table. */
  onEnd(listener: (rows: readonly JoinRow[]) => void): void {
    this.#onEnd = listener;
  }

  #isTooLate(step: JoinStep): boolean {
    const joined = this.#times.get('joined');
    return step === 'frame' && (joined === undefined || this.#clock.now() - joined > MOST_MS);
  }

  #end(): void {
    this.#onEnd?.(this.rows);
    this.#onEnd = undefined;
  }
}
