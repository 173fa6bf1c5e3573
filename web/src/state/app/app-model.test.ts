import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deviceError } from '../../core/media/devices';
import type { MeetingInfo } from '../../core/meeting/meeting';
import type { AppDependencies } from './app-dependencies';
import { FOUND, AT_FRONT_DOOR, NO_WEBRTC, SAVES_DATA, type Setup, setUp, callOf, inCall } from '../../test-support/app-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('opening the page', () => {
  it('shows the meeting and the preview', async () => {
    const { model } = setUp();
    expect(model.state.get()).toMatchObject({ screen: { name: 'loading' }, meeting: { title: 'stand-up' } });
    await model.open();
    expect(model.state.get()).toMatchObject({
      screen: { name: 'preJoin' },
      meeting: { title: 'Weekly', waitingFor: undefined, participants: 2 },
      local: { microphone: { status: 'on' }, camera: { status: 'on' } },
      devices: { microphones: [{ label: 'Desk' }] },
    });
  });

  it('opens no device for a viewer', async () => {
    const { model } = setUp({}, { ...FOUND, isViewer: true });
    await model.open();
    expect(model.state.get()).toMatchObject({
      screen: { name: 'preJoin' },
      meeting: { isViewer: true },
      local: { microphone: { status: 'off' }, camera: { status: 'off' } },
    });
  });

  it('shows why the meeting is not ready', async () => {
    const waitingFor = { reason: 'PoolFull', message: 'no pod is free' };
    const { model } = setUp({}, { ...FOUND, isReady: false, waitingFor });
    await model.open();
    expect(model.state.get().meeting).toMatchObject({ isReady: false, waitingFor });
  });

  it.each([
    [{ isLoopbackOnly: true, reachesLoopback: false }, true],
    [{ isLoopbackOnly: true, reachesLoopback: true }, false],
    [{ isLoopbackOnly: false, reachesLoopback: false }, false],
  ])('tells whether media cannot be sent: %j', async ({ isLoopbackOnly, reachesLoopback }, expected) => {
    const environment = { isSecureContext: true, hasPeerConnection: true, hasMediaDevices: true, reachesLoopback, savesData: false };
    const { model, watch } = setUp({ environment }, { ...FOUND, isLoopbackOnly });
    await model.open();
    expect(model.state.get().meeting.isOutOfReach).toBe(expected);
    watch.listener({ status: 'unreachable' });
    expect(model.state.get().meeting.isOutOfReach).toBe(expected);
  });

  it.each<[string, Partial<AppDependencies>, MeetingInfo, string]>([
    ['without a meeting in the address', { address: undefined }, FOUND, 'missing'],
    ['at the front door', AT_FRONT_DOOR, FOUND, 'home'],
    ['of a meeting that is not there', {}, { status: 'missing' }, 'missing'],
    ['while the server is away', {}, { status: 'unreachable' }, 'preJoin'],
    ['in a browser without WebRTC', { environment: NO_WEBRTC }, FOUND, 'unsupported'],
    ['at the front door in a browser without WebRTC', { ...AT_FRONT_DOOR, environment: NO_WEBRTC }, FOUND, 'unsupported'],
    ['without a meeting in the address, in such a browser', { address: undefined, environment: NO_WEBRTC }, FOUND, 'missing'],
  ])('%s', async (_case, change, info, screen) => {
    const { model } = setUp(change, info);
    await model.open();
    expect(model.state.get().screen.name).toBe(screen);
  });
});

describe('the front page', () => {
  it('opens the meeting that is entered, or shows why not', () => {
    const went: string[] = [];
    const page = { host: 'meet.example', protocol: 'https:', pathname: '/', assign: (url: string | URL): void => void went.push(String(url)) };
    const { model, devices } = setUp({ address: undefined, page });
    expect(model.goTo('https://meet.example/m/team-a/board#token=abc')).toBeUndefined();
    expect(model.goTo('https://elsewhere.example/m/x')).toBe('elsewhere');
    expect(model.goTo('what?')).toBe('unreadable');
    expect([went, devices.opened]).toEqual([['/m/team-a/board#token=abc'], []]);
  });

  it('remembers recent meetings, by title and path only, until they are cleared', async () => {
    const { model, kept } = await inCall();
    const recent = [{ path: '/m/team-a/stand-up', title: 'Weekly' }];
    expect(kept.at(-1)).toEqual(recent);
    const later = setUp({ ...AT_FRONT_DOOR, recent });
    expect(later.model.state.get().recent).toEqual(recent);
    later.model.clearRecent();
    expect([later.model.state.get().recent, later.kept]).toEqual([[], [[]]]);
    expect(model.state.get().screen.name).toBe('call');
  });
});

describe('joining', () => {
  it('needs a name that is not empty after cleaning', async () => {
    const { model, server } = setUp({ environment: SAVES_DATA });
    await model.open();
    model.setName('   ');
    model.join();
    expect(model.state.get()).toMatchObject({ canJoin: false, screen: { name: 'preJoin' } });
    expect(server.sockets).toEqual([]);
  });

  it('uses the cleaned name, stores it, and shows the self view', async () => {
    const app = await inCall();
    const { model, server, saved } = app;
    expect(saved).toEqual(['Ada']);
    expect(server.sent('join')[0]?.['data']).toMatchObject({ displayName: 'Ada' });
    expect(model.state.get()).toMatchObject({
      screen: { name: 'call' },
      connection: { status: 'connected' },
    });
    expect(callOf(app).tiles).toMatchObject([{ isSelf: true, name: 'Ada', isMuted: false }]);
  });

  it('expects devices until the user has answered the prompt', async () => {
    const { model, devices } = setUp();
    devices.isAsking = true;
    const opening = model.open();
    await vi.advanceTimersByTimeAsync(1000);
    expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, hasListedDevices: false });
    while (devices.questions > 0) devices.answer();
    await opening;
    expect(model.state.get()).toMatchObject({ hasListedDevices: true, devices: { microphones: [{ label: 'Desk' }] } });
  });

  it('works without devices', async () => {
    const { model, server, devices } = setUp();
    devices.failures.camera = deviceError('camera', new DOMException('no', 'NotAllowedError'));
    devices.failures.microphone = deviceError('microphone', new DOMException('no', 'NotAllowedError'));
    await model.open();
    expect(model.state.get().hasListedDevices).toBe(true);
    model.setName('Ada');
    model.join();
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    expect(callOf({ model })).toMatchObject({ connection: { status: 'connected' }, tiles: [{ isMuted: true, video: undefined }] });
    model.state.get().call?.toggle('camera');
    await vi.advanceTimersByTimeAsync(0);
    expect(callOf({ model }).toasts).toMatchObject([{ kind: 'problem', device: 'camera', error: { code: 'permission-denied' } }]);
  });
});

describe('on the pre-join screen', () => {
  it('the number of participants is updated', async () => {
    const { model, watch } = setUp({}, { ...FOUND, participants: 0 });
    await model.open();
    watch.listener({ ...FOUND, participants: 3 });
    expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { participants: 3 } });
  });

  it.each<[string, MeetingInfo, object]>([
    ['ends', { ...FOUND, isOver: true }, { name: 'ended', cause: 'meeting-ended' }],
    ['is deleted', { status: 'missing' }, { name: 'missing', mayAppear: true }],
    ['is for invited people now', { ...FOUND, needsToken: true }, { name: 'tokenRequired' }],
  ])('a meeting that %s is shown as such, and releases the devices', async (_case, info, screen) => {
    const { model, watch, devices } = setUp();
    await model.open();
    watch.listener(info);
    expect([model.state.get().screen, watch.hasEnded]).toMatchObject([screen, true]);
    expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended', 'ended']);
  });

  it('the meeting is no longer watched during the call', async () => {
    expect((await inCall()).watch.hasEnded).toBe(true);
  });
});

describe('a meeting that is not ready', () => {
  const STARTING: MeetingInfo = { ...FOUND, isReady: false, waitingFor: { reason: 'PodNotReady', message: 'its pod is starting' } };

  async function waiting(change: Partial<AppDependencies> = {}): Promise<Setup> {
    const app = setUp(change, STARTING);
    await app.model.open();
    app.model.setName('Ada');
    app.model.join();
    return app;
  }

  it('is joined as soon as it is ready', async () => {
    const { model, watch, server } = await waiting();
    expect(model.state.get().screen.name).toBe('waiting');
    expect(server.sockets).toEqual([]);
    watch.listener({ ...STARTING, waitingFor: { reason: 'PoolFull', message: 'no room' } });
    expect(model.state.get().meeting.waitingFor?.reason).toBe('PoolFull');
    watch.listener(FOUND);
    expect(model.state.get().screen.name).toBe('call');
    expect([server.sockets.length, watch.hasEnded]).toEqual([1, true]);
  });

  it('can be left for the pre-join screen', async () => {
    const { model, watch, server } = await waiting({ environment: SAVES_DATA });
    model.leave();
    watch.listener(FOUND);
    expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { isReady: true } });
    expect(server.sockets).toEqual([]);
  });

  it('that ends meanwhile is shown as ended', async () => {
    const { model, watch } = await waiting();
    watch.listener({ ...FOUND, isReady: false, isOver: true });
    expect(model.state.get().screen).toMatchObject({ name: 'ended', cause: 'meeting-ended' });
  });
});

it('a meeting that requires an invitation shows that, unless there is a token', async () => {
  const invited: MeetingInfo = { ...FOUND, needsToken: true };
  const without = setUp({}, invited);
  await without.model.open();
  expect(without.model.state.get().screen.name).toBe('tokenRequired');
  const withToken = setUp({ hasJoinToken: true }, invited);
  await withToken.model.open();
  expect(withToken.model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { needsToken: true } });
});

it('canceling the request leads back to the pre-join screen and ends the session', async () => {
  const { model, server } = setUp();
  await model.open();
  model.setName('Ada');
  model.join();
  server.socket.serverOpens();
  server.notifies('lobby', { state: 'waiting' });
  model.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, call: undefined, local: { camera: { status: 'on' } } });
  expect(server.sockets[0]?.isClosedByClient).toBe(true);
});

it('the lobby has its own screen, and leads into the call or to the end', async () => {
  const { model, server } = setUp();
  await model.open();
  model.setName('Ada');
  model.join();
  server.socket.serverOpens();
  server.notifies('lobby', { state: 'waiting' });
  expect(model.state.get().screen.name).toBe('lobby');
  server.notifies('lobby', { state: 'admitted' });
  await vi.advanceTimersByTimeAsync(0);
  expect(model.state.get().screen.name).toBe('call');
});
