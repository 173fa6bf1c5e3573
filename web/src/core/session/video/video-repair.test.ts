import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLog } from '../../log';
import { VideoRepair, type ExpectedVideo } from './video-repair';

interface Setup {
  expected: ExpectedVideo[];
  frames: Map<string, number>;
  did: string[];
  mender: VideoRepair;
}

const picture = (consumerId: string): ExpectedVideo => ({ consumerId, isScreen: false, isWithheld: false });

function setUp(...consumerIds: string[]): Setup {
  const did: string[] = [];
  const frames = new Map(consumerIds.map((id) => [id, 0]));
  const setup = { expected: consumerIds.map(picture), frames, did };
  const mender = new VideoRepair({
    expected: () => setup.expected,
    frames: () => Promise.resolve(new Map(frames)),
    signaling: {
      request: () => Promise.reject(new Error('nothing is asked here')),
      notify: (method, data) => did.push(`${method} ${'consumerId' in data ? data.consumerId : ''}`),
    },
    log: silentLog,
    onStalled: (consumerId, isStalled) => did.push(`${consumerId} ${isStalled ? 'stalled' : 'comes'}`),
    restartIce: () => did.push('restartIce'),
    rejoin: () => did.push('rejoin'),
  });
  return Object.assign(setup, { mender });
}

const seconds = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * 1000);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('takes each step once per video, and steps that concern all only once', async () => {
  const { did, mender } = setUp('a', 'b');
  await seconds(20);
  mender.close();
  expect(did).toEqual([
    ...['a stalled', 'requestConsumerKeyFrame a', 'b stalled', 'requestConsumerKeyFrame b'],
    ...['requestConsumerKeyFrame a', 'requestConsumerKeyFrame b'],
    ...['pauseConsumer a', 'resumeConsumer a', 'pauseConsumer b', 'resumeConsumer b'],
    ...['restartIce', 'rejoin'],
  ]);
});

it('leaves the transport alone while others arrive, and reports when the video is back', async () => {
  const { did, frames, mender } = setUp('a', 'b');
  for (let second = 0; second < 14; second += 2) {
    frames.set('b', second + 1);
    await seconds(2);
  }
  expect(did).toContain('a stalled');
  expect(did).not.toContain('restartIce');
  expect(did.filter((one) => one.endsWith(' b'))).toEqual([]);
  frames.set('a', 1);
  await seconds(2);
  mender.close();
  expect(did.at(-1)).toBe('a comes');
});

it('ignores videos that are off screen', async () => {
  const setup = setUp('a');
  await seconds(8);
  setup.expected = [];
  setup.did.length = 0;
  await seconds(30);
  expect(setup.did).toEqual(['a comes']);
  setup.mender.close();
});

it('skips videos without a frame count', async () => {
  const { did, frames, mender } = setUp('a');
  frames.clear();
  await seconds(60);
  mender.close();
  expect(did).toEqual([]);
});
