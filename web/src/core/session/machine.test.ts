import { describe, expect, it } from 'vitest';
import { ConveneError } from '../errors';
import { INITIAL_STATE, MAX_MEDIA_FAILURES, OPEN_LIMIT_MS, STABLE_AFTER_MS, transition, type MachineEvent, type SessionState } from './machine';

/** Plays events in order; returns the last state and the names of the effects of each step. */
function play(...events: MachineEvent[]): { state: SessionState; effects: string[][] } {
  let state = INITIAL_STATE;
  const effects: string[][] = [];
  for (const event of events) {
    const next = transition(state, event);
    state = next.state;
    effects.push(next.effects.map((effect) => (effect.type === 'startTimer' ? `startTimer ${effect.ms}` : effect.type)));
  }
  return { state, effects };
}

const start: MachineEvent = { type: 'start' };
const opened: MachineEvent = { type: 'socketOpened' };
const joined: MachineEvent = { type: 'joinSucceeded' };
const timer: MachineEvent = { type: 'timerFired' };
const lost: MachineEvent = { type: 'socketClosed', code: 1006, reason: '' };
const leave: MachineEvent = { type: 'leave' };
const refused: MachineEvent = { type: 'joinFailed', error: new ConveneError('request-refused', 'no') };
const open = `startTimer ${OPEN_LIMIT_MS}`;
const intoCall = [start, opened, joined];
const intoStableCall = [...intoCall, timer];

describe('joining', () => {
  it('opens, joins, and counts as stable after a while', () => {
    const { state, effects } = play(...intoStableCall);
    expect(state).toMatchObject({ name: 'joined', attempt: 0 });
    expect(effects).toEqual([[open, 'openSocket'], ['stopTimer', 'join'], [`startTimer ${STABLE_AFTER_MS}`], []]);
  });

  it.each<[string, MachineEvent]>([
    ['a closed socket', lost],
    ['a refused join', refused],
  ])('waits 1 s after %s', (_case, event) => {
    const { state, effects } = play(start, opened, event);
    expect(state).toMatchObject({ name: 'waiting', waitMs: 1000, wasJoined: false });
    expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection', 'startTimer 1000']);
  });

  it('gives up a connection that hangs and retries', () => {
    const { state, effects } = play(start, timer);
    expect(state).toMatchObject({ name: 'waiting', waitMs: 1000 });
    expect(effects.at(-1)).toEqual(['dropConnection', 'startTimer 1000']);
  });

  it.each(['webrtc-missing', 'browser-unsupported', 'codec-unsupported'] as const)('gives up at once on %s', (code) => {
    const error = new ConveneError(code, 'cannot get better');
    expect(play(start, opened, { type: 'joinFailed', error }).state).toEqual({ name: 'failed', error, wasJoined: false });
  });
});

describe('media of a prepared connection that fails before the join is answered', () => {
  const failed: MachineEvent = { type: 'mediaFailed' };

  it.each<[string, MachineEvent[]]>([
    ['while joining', [start, opened, failed]],
    ['in the lobby', [start, opened, { type: 'lobbyEntered' }, failed, { type: 'lobbyLeft' }]],
  ])('%s leads to a new connection once it is answered', (_case, events) => {
    expect(play(...events).state.name).toBe('joining');
    const { state, effects } = play(...events, joined);
    expect(state).toEqual({ name: 'opening', attempt: 1, wasJoined: false, mediaFailures: 1 });
    expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection', open, 'openSocket']);
  });
});

describe('losing the connection', () => {
  it.each([1001, 1006, 1011, 1012])('reconnects at once after close code %i', (code) => {
    const { state, effects } = play(...intoStableCall, { type: 'socketClosed', code, reason: '' });
    expect(state).toMatchObject({ name: 'opening', attempt: 1, wasJoined: true });
    expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection', open, 'openSocket']);
  });

  it('waits 1, 2, 4, 8, 8 … s, then fails', () => {
    let { state } = play(...intoStableCall, lost);
    const waits: number[] = [];
    while (state.name === 'opening') {
      state = transition(state, lost).state;
      if (state.name !== 'waiting') break;
      waits.push(state.waitMs / 1000);
      state = transition(state, timer).state;
    }
    expect(waits).toEqual([1, 2, 4, 8, 8, 8, 8, 8, 8, 8]);
    expect(waits.reduce((sum, wait) => sum + wait)).toBe(63);
    expect(state).toMatchObject({ name: 'failed', wasJoined: true, error: { code: 'server-unreachable' } });
  });

  it('does not spin when each call is lost right after the join', () => {
    const lostAgain = [opened, joined, lost];
    expect(play(...intoCall, lost, ...lostAgain).state).toMatchObject({ name: 'waiting', waitMs: 1000 });
    expect(play(...intoCall, lost, ...lostAgain, timer, ...lostAgain).state).toMatchObject({ name: 'waiting', waitMs: 2000 });
  });

  it('is retried at once whenever the call was stable before', () => {
    const recoveries = Array.from({ length: 20 }, () => [opened, joined, timer, lost]).flat();
    expect(play(...intoCall, lost, ...recoveries).state).toMatchObject({ name: 'opening', attempt: 1 });
    expect(STABLE_AFTER_MS).toBeLessThan(5000);
  });

  it.each([
    [0, 250],
    [700, 700],
    [600_000, 30_000],
  ])('honors Retry-After: %i ms becomes %i', (retryAfterMs, waitMs) => {
    const error = new ConveneError('meeting-waits', 'soon', { retryAfterMs });
    expect(play(...intoCall, lost, { type: 'routeFailed', error }).state).toMatchObject({ name: 'waiting', waitMs });
  });

  it.each(['networkBack', 'meetingReady'] as const)('cuts the wait short on %s', (type) => {
    const { state, effects } = play(...intoCall, lost, lost, { type });
    expect(state.name).toBe('opening');
    expect(effects.at(-1)).toEqual(['stopTimer', open, 'openSocket']);
  });
});

describe('the end', () => {
  it.each([
    ['meeting ended', 'meeting-ended'],
    ['the room was closed', 'closed'],
    ['room closed', 'meeting-ended'],
    ['there is no meeting "a/b"', 'meeting-missing'],
    ['the meeting is full', 'meeting-full'],
    ['replaced by a newer connection', 'replaced'],
    ['', 'closed'],
  ])('close code 4000 "%s" is final: %s', (reason, cause) => {
    for (const before of [[start], [start, opened], intoCall, intoStableCall]) {
      const { state, effects } = play(...before, { type: 'socketClosed', code: 4000, reason });
      expect(state).toEqual({ name: 'closed', cause, reason });
      expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection']);
    }
  });

  it.each<[string, MachineEvent[]]>([
    ['opening', [start]],
    ['joining', [start, opened]],
    ['joined', intoCall],
    ['waiting', [...intoCall, lost, lost]],
  ])('leaving works while %s', (_name, before) => {
    const { state, effects } = play(...before, leave);
    expect(state).toEqual({ name: 'closed', cause: 'left', reason: '' });
    expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection']);
  });

  it('ignores everything afterwards', () => {
    const { state, effects } = play(...intoCall, leave, lost, joined, timer, { type: 'networkBack' }, leave);
    expect(state).toMatchObject({ name: 'closed', cause: 'left' });
    expect(effects.slice(4)).toEqual([[], [], [], [], []]);
  });
});

describe('media', () => {
  const broken: MachineEvent = { type: 'mediaFailed' };

  it('that breaks leads to a rejoin at once', () => {
    const { state, effects } = play(...intoStableCall, broken);
    expect(state).toMatchObject({ name: 'opening', wasJoined: true, mediaFailures: 1 });
    expect(effects.at(-1)).toEqual(['stopTimer', 'dropConnection', open, 'openSocket']);
  });

  it('that is never established fails after a few joins', () => {
    const rounds = Array.from({ length: MAX_MEDIA_FAILURES }, () => [opened, joined, timer, broken]).flat();
    expect(play(start, ...rounds).state).toMatchObject({ name: 'failed', error: { code: 'media-unreachable' } });
  });

  it('that was established in between restarts the count', () => {
    const rounds = Array.from({ length: 9 }, () => [opened, joined, { type: 'mediaConnected' } as const, broken]).flat();
    expect(play(start, ...rounds).state).toMatchObject({ name: 'opening', mediaFailures: 1 });
  });
});

it('a failed session can be restarted, and restarts itself when the network is back', () => {
  const error = new ConveneError('server-unreachable', 'gone');
  const failed: SessionState = { name: 'failed', error, wasJoined: true };
  expect(transition(failed, start).state.name).toBe('opening');
  expect(transition(failed, { type: 'networkBack' }).state.name).toBe('opening');
  const other: SessionState = { ...failed, error: new ConveneError('codec-unsupported', 'no') };
  expect(transition(other, { type: 'networkBack' }).state).toBe(other);
});
