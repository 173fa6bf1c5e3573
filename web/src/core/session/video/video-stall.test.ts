import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRESH, judge, RejoinAllowance, type Look, type RepairStep, type Stillness } from './video-stall';

const LOOK: Look = { frames: 0, isScreen: false, isWithheld: false, isAlone: true };

/** Checks every 2 s; returns the steps with the second of each. */
function play(seconds: number, look: (second: number) => Partial<Look>): { steps: [number, RepairStep][]; stalled: number[] } {
  let state: Stillness = FRESH;
  const steps: [number, RepairStep][] = [];
  const stalled: number[] = [];
  for (let second = 2; second <= seconds; second += 2) {
    const { now, isStalled, step } = judge(state, { ...LOOK, ...look(second) }, 2000);
    state = now;
    if (isStalled) stalled.push(second);
    if (step !== undefined) steps.push([second, step]);
  }
  return { steps, stalled };
}

describe('a video that does not arrive', () => {
  it('is reported after 4 s, and repaired step by step', () => {
    const { steps, stalled } = play(42, () => ({}));
    expect(stalled[0]).toBe(4);
    expect(steps).toEqual([
      [4, 'keyFrame'],
      [8, 'keyFrame'],
      [10, 'resume'],
      [14, 'restartIce'],
      [20, 'rejoin'],
      [30, 'keyFrame'],
      [40, 'rejoin'],
    ]);
  });

  it("is not the transport's fault while others arrive", () => {
    expect(play(30, () => ({ isAlone: false })).steps.map(([, step]) => step)).not.toContain('restartIce');
  });

  it('does not affect others if the server forwards nothing', () => {
    const { steps, stalled } = play(60, () => ({ isWithheld: true }));
    expect(stalled).toContain(60);
    expect(new Set(steps.map(([, step]) => step))).toEqual(new Set(['keyFrame', 'resume']));
  });

  it('that stops arriving is noticed as well, and reset when it arrives again', () => {
    const { steps, stalled } = play(20, (second) => ({ frames: second < 6 || second > 12 ? second : 6 }));
    expect([steps, stalled]).toEqual([[[10, 'keyFrame']], [10, 12]]);
  });
});

it('a shared screen may be still after its first frame', () => {
  expect(play(60, () => ({ isScreen: true, frames: 1 }))).toEqual({ steps: [], stalled: [] });
  expect(play(4, () => ({ isScreen: true })).steps).toEqual([[4, 'keyFrame']]);
});

it('a video that arrives is never repaired, however slow it is and wherever its counter restarts', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 }), (counts) => {
      const moving = counts.filter((count, index) => count !== (index === 0 ? 0 : counts[index - 1]));
      let state: Stillness = FRESH;
      for (const frames of moving) {
        if (frames === state.frames) continue;
        const { now, isStalled, step } = judge(state, { ...LOOK, frames }, 2000);
        expect([isStalled, step]).toEqual([false, undefined]);
        state = now;
      }
    }),
  );
});

it('rejoins because of one video are rare, with increasing intervals', () => {
  const allowance = new RejoinAllowance();
  const taken: number[] = [];
  for (let second = 0; second < 3600; second += 20) if (allowance.take(second * 1000)) taken.push(second);
  expect(taken).toEqual([0, 120, 360, 840, 1800]);
});
