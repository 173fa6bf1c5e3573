import { beforeEach, describe, expect, it } from 'vitest';
import { joinLineOf, joinTableOf, JoinTimeline, type JoinRow, type JoinStep } from './timeline';

describe('the table', () => {
  const tableOf = (...times: [JoinStep, number][]): JoinRow[] => joinTableOf(new Map(times));

  it('counts from the click, in the order of time', () => {
    const rows = tableOf(['socket', 100], ['frame', 5120.26], ['click', 5000], ['join', 5000.04]);
    expect(rows.map(({ step, milliseconds }) => [step, milliseconds])).toEqual([
      ['socket', -4900],
      ['click', 0],
      ['join', 0],
      ['frame', 120.3],
    ]);
    expect(joinLineOf(rows)).toBe('socket -4900 ms, click 0 ms, join 0 ms, frame 120.3 ms');
  });

  it('is empty before the click', () => expect(tableOf(['socket', 100], ['capabilities', 120])).toEqual([]));
});

describe('the timeline', () => {
  let now = 0;
  let marks: string[] = [];
  let timeline: JoinTimeline;
  const at = (moment: number, step: JoinStep): void => {
    now = moment;
    timeline.note(step);
  };

  beforeEach(() => {
    now = 0;
    marks = [];
    timeline = new JoinTimeline({
      now: () => now,
      mark: (name, options) => {
        marks.push(`${name} ${String(options?.startTime)}`);
        return undefined as unknown as PerformanceMark;
      },
    });
  });

  it('keeps the first time of each step, and marks it', () => {
    at(10, 'socket');
    at(20, 'socket');
    expect(marks).toEqual(['convene:join:socket 10']);
  });

  it('reports once, with the first frame', () => {
    const reports: (readonly JoinRow[])[] = [];
    timeline.onEnd((rows) => reports.push(rows));
    at(0, 'click');
    at(5, 'joined');
    at(40, 'frame');
    at(60, 'frame');
    expect(reports).toEqual([
      [
        { step: 'click', milliseconds: 0 },
        { step: 'joined', milliseconds: 5 },
        { step: 'frame', milliseconds: 40 },
      ],
    ]);
  });

  it('does not count the first frame of a camera that is turned on much later', () => {
    at(0, 'click');
    at(5, 'joined');
    at(10_006, 'frame');
    expect(timeline.rows.map(({ step }) => step)).toEqual(['click', 'joined']);
  });
});
