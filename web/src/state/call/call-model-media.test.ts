import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConveneError } from '../../core/errors';
import type { SessionEvent } from '../../core/session/events';
import { peerOf } from '../../core/signaling/peers';
import { fakeTrack } from '../../test-support/fake-media';
import { joined, setUp } from '../../test-support/call-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('a toggle while the microphone opens', () => {
  it.each([
    [1, 'on'],
    [2, 'muted'],
    [3, 'on'],
  ])('the last of %i presses wins: it is %s', async (presses, status) => {
    const { call, local, devices } = setUp();
    devices.isAsking = true;
    for (let press = 1; press <= presses; press += 1) call.toggle('microphone');
    devices.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(local.state.microphone.status).toBe(status);
  });

  it('wins over a key that was held before', async () => {
    const { call, local, devices } = setUp();
    devices.isAsking = true;
    call.talk(true);
    call.talk(false);
    call.toggle('microphone');
    call.talk(false);
    devices.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(local.state.microphone.status).toBe('on');
  });
});

describe('push to talk', () => {
  it('opens the microphone while the key is held', async () => {
    const { call, local } = setUp();
    await local.turnOn('microphone');
    local.turnOff('microphone');
    call.talk(true);
    expect(local.state.microphone.status).toBe('on');
    call.talk(false);
    expect(local.state.microphone.status).toBe('muted');
  });

  it('leaves an open microphone alone', async () => {
    const { call, local } = setUp();
    await local.turnOn('microphone');
    call.talk(true);
    call.talk(false);
    expect(local.state.microphone.status).toBe('on');
  });

  it('that ends before the device is open leaves it muted', async () => {
    const { call, local } = setUp();
    call.talk(true);
    call.talk(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(local.state.microphone.status).not.toBe('on');
  });
});

it('only visible video is received', async () => {
  const { call, session } = setUp();
  session.emit({ type: 'trackAdded', remote: { consumerId: 'c', peerId: 'bob', kind: 'video', source: 'video', track: fakeTrack('camera'), isPaused: false } });
  call.seen('bob', { width: 300, height: 200 });
  await vi.advanceTimersByTimeAsync(200);
  expect(session.preferences).toMatchObject([{ consumerId: 'c', isHidden: false, spatialLayer: 0 }]);
  call.seen('bob', undefined);
  await vi.advanceTimersByTimeAsync(200);
  expect(session.preferences).toMatchObject([{ isHidden: true }]);
});

it('visible tiles are reported even while volumes change all the time', async () => {
  const { call, session } = setUp();
  session.emit({ type: 'trackAdded', remote: { consumerId: 'c', peerId: 'bob', kind: 'video', source: 'video', track: fakeTrack('camera'), isPaused: false } });
  call.seen('bob', { width: 300, height: 200 });
  for (let turn = 0; turn < 5; turn += 1) {
    session.emit({ type: 'speakers', volumes: turn % 2 === 0 ? [{ peerId: 'bob', volume: -20 }] : [] });
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(session.preferences).toMatchObject([{ consumerId: 'c', isHidden: false }]);
});

it('visible peers are reported without waiting for a stream', async () => {
  const { call, session } = setUp();
  session.emit({ type: 'peerJoined', peer: peerOf({ peerId: 'cy', displayName: 'Cy' }) });
  for (const key of ['bob', 'cy', 'me']) call.seen(key, { width: 300, height: 200 });
  await vi.advanceTimersByTimeAsync(200);
  expect(session.watched).toEqual(['bob', 'cy']);
  session.watched = ['not sent again while the page is in the background'];
  call.setPageHidden(true);
  await vi.advanceTimersByTimeAsync(200);
  expect(session.watched).toEqual(['not sent again while the page is in the background']);
  call.setPageHidden(false);
  await vi.advanceTimersByTimeAsync(200);
  session.watched = ['to be sent after the next join'];
  session.emit({ type: 'connection', connection: { status: 'reconnecting', attempt: 1 } }, joined);
  await vi.advanceTimersByTimeAsync(200);
  expect(session.watched).toEqual(['bob', 'cy']);
});

describe('a video that is sent but not received', () => {
  const sends = (video: boolean): SessionEvent => ({ type: 'peerSends', peerId: 'bob', sends: { audio: true, video, share: false } });
  const comes: SessionEvent = {
    type: 'trackAdded',
    remote: { consumerId: 'c', peerId: 'bob', kind: 'video', source: 'video', track: fakeTrack('camera'), isPaused: false },
  };
  const looking = (): ReturnType<typeof setUp> => {
    const all = setUp();
    all.call.seen('bob', { width: 300, height: 200 });
    return all;
  };

  it('is left out only after a delay, until it arrives', async () => {
    const { session, state } = looking();
    session.emit(sends(true));
    await vi.advanceTimersByTimeAsync(2999);
    expect(state().leftOut).toEqual(new Set());
    await vi.advanceTimersByTimeAsync(200);
    expect(state().leftOut).toEqual(new Set(['bob']));
    session.emit(comes);
    expect(state().leftOut).toEqual(new Set());
    session.emit({ type: 'trackRemoved', consumerId: 'c' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(state().leftOut).toEqual(new Set());
    await vi.advanceTimersByTimeAsync(1200);
    expect(state().leftOut).toEqual(new Set(['bob']));
    session.emit(sends(false));
    expect(state().leftOut).toEqual(new Set());
  });

  it('is not left out if it arrives in time, and the time restarts when its page is shown', async () => {
    const { call, session, state } = looking();
    session.emit(sends(true));
    await vi.advanceTimersByTimeAsync(1000);
    session.emit(comes);
    const { leftOut } = state();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(state().leftOut).toBe(leftOut);
    session.emit({ type: 'trackRemoved', consumerId: 'c' });
    call.seen('bob', undefined);
    await vi.advanceTimersByTimeAsync(10_000);
    call.seen('bob', { width: 300, height: 200 });
    await vi.advanceTimersByTimeAsync(2500);
    expect(state().leftOut.size).toBe(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(state().leftOut.size).toBe(1);
  });

  it('is not tracked once the call is over', async () => {
    const { call, session, state } = looking();
    session.emit(sends(true));
    call.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([state().leftOut.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

it('unchanged participants stay the same objects, and volumes without an effect do not change the state', () => {
  const { session, state } = setUp();
  session.emit({ type: 'peerJoined', peer: peerOf({ peerId: 'cy', displayName: 'Cy' }) });
  const before = state();
  session.emit({ type: 'speakers', volumes: [] });
  expect(state()).toBe(before);
  session.emit({ type: 'handRaised', peerId: 'cy', isRaised: true });
  expect([state().tiles[0] === before.tiles[0], state().tiles[1] === before.tiles[1]]).toEqual([true, false]);
});

it('a canceled share shows no toast, one that fails does', async () => {
  const { call, devices, state } = setUp();
  devices.failures.screen = new DOMException('no', 'NotReadableError');
  call.toggleShare();
  await vi.advanceTimersByTimeAsync(0);
  expect(state().toasts).toMatchObject([{ kind: 'problem', device: 'screen' }]);
});

it('no participant is stale while the call is only interrupted', () => {
  const { session, state } = setUp();
  for (const what of ['signaling', 'media'] as const) {
    session.emit({ type: 'connection', connection: { status: 'interrupted', what } });
    expect(state()).toMatchObject({ connection: { status: 'interrupted', what }, people: [{ name: 'Bob', isStale: false }, {}] });
  }
});

it('a lost device is reported, with its replacement or the error', async () => {
  const { call, devices, local, state } = setUp();
  call.toggle('camera');
  await vi.waitFor(() => expect(local.state.camera.status).toBe('on'));
  devices.opened[0]?.track.dispatchEvent(new Event('ended'));
  await vi.waitFor(() => expect(state().toasts).toMatchObject([{ kind: 'replaced', device: 'camera', name: 'Fake camera' }]));
  devices.failures.camera = new ConveneError('device-missing', 'none left');
  devices.opened[1]?.track.dispatchEvent(new Event('ended'));
  await vi.waitFor(() => expect(state().toasts).toMatchObject([{ kind: 'replaced' }, { kind: 'problem', device: 'camera' }]));
});
