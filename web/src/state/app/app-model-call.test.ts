import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConveneError } from '../../core/errors';
import { silentLog } from '../../core/log';
import type { MeetingInfo } from '../../core/meeting/meeting';
import { Session } from '../../core/session/session';
import { FakeMediaPath } from '../../test-support/fake-media';
import { consumerOffer, FakeServer } from '../../test-support/fake-server';
import { readSettings, type Settings } from '../settings';
import { speakerInUse } from '../call/speaker';
import { FOUND, type Setup, setUp, callOf, inCall } from '../../test-support/app-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('in the call', () => {
  it('shows participants and what they send', async () => {
    const { model, server } = await inCall();
    server.notifies('newPeer', { peer: { peerId: 'bob', displayName: 'Bob' } });
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await vi.advanceTimersByTimeAsync(0);
    const [bob] = callOf({ model }).tiles;
    expect(bob).toMatchObject({ name: 'Bob', isSelf: false, isMuted: true });
    expect(bob?.video).toBeDefined();
  });

  it('keeps participants while reconnecting, and drops those who do not return', async () => {
    const { model, server } = await inCall();
    server.notifies('newPeer', { peer: { peerId: 'bob', displayName: 'Bob' } });
    server.socket.serverCloses(1012);
    expect(callOf({ model })).toMatchObject({ connection: { status: 'reconnecting' }, tiles: [{ name: 'Bob', isStale: true }, {}] });
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(14_000);
    expect(callOf({ model }).tiles).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(callOf({ model }).tiles).toHaveLength(1);
  });

  it('leaving releases the devices and offers to rejoin, with a new peer id', async () => {
    const { model, server, devices } = await inCall();
    model.leave();
    expect(model.state.get().screen).toEqual({ name: 'ended', cause: 'left', reason: '' });
    expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended', 'ended']);
    await model.rejoin();
    expect(model.state.get().screen.name).toBe('preJoin');
    model.join();
    expect(new Set(server.sockets.map(({ url }) => url)).size).toBe(2);
  });

  it.each(['screen', 'camera'] as const)('a %s permitted after the end is not captured, nor sent in the next call', async (what) => {
    const { model, server, devices } = await inCall();
    model.toggle('camera');
    devices.isAsking = true;
    if (what === 'screen') model.state.get().call?.toggleShare();
    else model.toggle('camera');
    server.socket.serverCloses(4000, 'meeting ended');
    devices.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(devices.live).toEqual([]);
    devices.isAsking = false;
    await model.rejoin();
    model.join();
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.socket.sent.filter(({ method, data }) => method === 'produce' && JSON.stringify(data).includes('screensharing'))).toEqual([]);
  });

  it('the end of the meeting is shown', async () => {
    const { model, server } = await inCall();
    server.socket.serverCloses(4000, 'meeting ended');
    expect(model.state.get().screen).toMatchObject({ name: 'ended', cause: 'meeting-ended' });
    expect(model.state.get().call).toBeUndefined();
  });

  it('a lost server is shown in the end', async () => {
    const { model, server } = await inCall();
    for (let attempt = 0; attempt <= 11; attempt += 1) {
      server.socket.serverCloses(1006);
      await vi.advanceTimersByTimeAsync(8000);
    }
    expect(model.state.get().screen).toMatchObject({ name: 'failed', error: { code: 'server-unreachable' } });
  });
});

describe('a prepared page', () => {
  async function prepared(): Promise<Setup> {
    const app = setUp({ loadName: () => 'Ada' });
    await app.model.open();
    app.server.socket.serverOpens();
    app.server.notifies('session', { id: 'abc', resumed: false, received: 0, resumeSeconds: 15, prepared: true });
    await vi.advanceTimersByTimeAsync(0);
    return app;
  }

  it('sends the join with the click, before any view is rendered', async () => {
    const { model, server } = await prepared();
    expect(model.state.get().isPrepared).toBe(true);
    const rendered: unknown[] = [];
    model.state.subscribe(() => rendered.push(server.sent('join').length));
    model.join();
    expect([server.sent('join').length, rendered, model.state.get().screen.name]).toEqual([1, [], 'call']);
    await vi.advanceTimersByTimeAsync(0);
    expect([rendered[0], model.state.get().isPrepared, server.sockets.length]).toEqual([1, false, 1]);
    expect(callOf({ model }).connection.status).toBe('connected');
  });

  it('shows the call soon if the server does not answer', async () => {
    const { model, server } = await prepared();
    delete server.answers['join'];
    let isRendered = false;
    model.state.subscribe(() => (isRendered = true));
    model.join();
    await vi.advanceTimersByTimeAsync(99);
    expect(isRendered).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isRendered).toBe(true);
  });

  it('is prepared again after the call, with the next peer id', async () => {
    const { model, server } = await prepared();
    model.join();
    await vi.advanceTimersByTimeAsync(0);
    model.leave();
    await model.rejoin();
    await vi.advanceTimersByTimeAsync(0);
    const ids = server.sockets.map(({ url }) => new URL(url).searchParams.get('peerId'));
    expect([server.sockets.length, new Set(ids).size, model.state.get().isPrepared]).toEqual([2, 2, false]);
  });

  it('lets go when the user leaves the page, or the meeting ends', async () => {
    const left = await prepared();
    left.presence.listener(false);
    expect([left.server.socket.isClosedByClient, left.model.state.get().isPrepared]).toEqual([true, false]);
    const ended = await prepared();
    ended.watch.listener({ ...FOUND, isOver: true });
    expect([ended.server.socket.isClosedByClient, ended.model.state.get().screen.name]).toEqual([true, 'ended']);
  });

  it('joins after the meeting closed the prepared connection', async () => {
    const { model, server } = await prepared();
    server.socket.serverCloses(1012, 'this connection is no longer prepared');
    expect(model.state.get().isPrepared).toBe(false);
    model.join();
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    expect([callOf({ model }).connection.status, server.sockets.length]).toEqual(['connected', 2]);
  });

  it('loses nothing with the camera', async () => {
    const { model, server } = await prepared();
    model.toggle('camera');
    model.toggle('microphone');
    expect([server.socket.isClosedByClient, model.state.get().isPrepared]).toEqual([false, true]);
  });
});

describe('devices', () => {
  const CAUSES = ['meeting ended', 'ended by a moderator', 'no such meeting', 'the meeting is full', 'the meeting is locked', 'removed by a moderator'];

  it.each([...CAUSES, 'refused by a moderator', 'connected again elsewhere', 'anything else'])('are released when the call ends with "%s"', async (reason) => {
    const { server, devices, model } = await inCall();
    model.state.get().call?.toggleShare();
    await vi.advanceTimersByTimeAsync(0);
    expect(devices.live).toHaveLength(4);
    server.socket.serverCloses(4000, reason);
    expect([model.state.get().screen.name, devices.live]).toEqual(['ended', []]);
  });

  it('are released when reconnecting fails, also those that open late', async () => {
    const { server, devices, model } = await inCall();
    devices.isAsking = true;
    model.choose('microphone', 'mic-2');
    for (let attempt = 0; attempt <= 11; attempt += 1) {
      server.socket.serverCloses(1006);
      await vi.advanceTimersByTimeAsync(8000);
    }
    devices.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect([model.state.get().screen.name, devices.live]).toEqual(['failed', []]);
  });

  it('are released after a rejection in the lobby, or if the meeting is over', async () => {
    const app = setUp({ loadName: () => 'Ada' });
    await app.model.open();
    app.model.join();
    app.server.socket.serverOpens();
    app.server.notifies('lobby', { state: 'waiting' });
    expect(app.devices.live).toHaveLength(2);
    app.server.socket.serverCloses(4000, 'refused by a moderator');
    expect(app.devices.live).toEqual([]);
    const other = setUp({ loadName: () => 'Ada' }, { ...FOUND, isReady: false });
    await other.model.open();
    other.model.join();
    other.watch.listener({ status: 'missing' });
    expect([other.model.state.get().screen.name, other.devices.live]).toEqual(['missing', []]);
  });

  it('the loss of the selected speaker is reported, and it is used again when it is back', async () => {
    const { model, devices } = await inCall();
    const inUse = (): string | undefined => speakerInUse(model.state.get().settings.speakerId, model.state.get().devices);
    const plug = async (...ids: string[]): Promise<void> => {
      devices.speakers = ids.map((deviceId) => ({ deviceId, label: deviceId }));
      devices.changes();
      await vi.advanceTimersByTimeAsync(0);
    };
    await plug('default', 'headset');
    model.change({ speakerId: 'headset' });
    expect([inUse(), callOf({ model }).toasts]).toEqual(['headset', []]);
    await plug('default');
    expect([inUse(), callOf({ model }).toasts]).toMatchObject([undefined, [{ kind: 'replaced', device: 'speaker' }]]);
    await plug('default', 'headset');
    expect(inUse()).toBe('headset');
  });

  it('that were off at the end are off after rejoining', async () => {
    const { model, devices } = await inCall();
    model.toggle('microphone');
    model.leave();
    await model.rejoin();
    expect(devices.live.map(({ kind }) => kind)).toEqual(['video']);
    expect(model.state.get().local).toMatchObject({ microphone: { status: 'off' }, camera: { status: 'on' } });
  });

  it('that the system interrupted are reopened when the page is visible again', async () => {
    const { model, devices } = await inCall();
    Object.defineProperty(devices.opened[0]?.track, 'muted', { value: true });
    devices.opened[0]?.track.dispatchEvent(new Event('mute'));
    expect(callOf({ model }).tiles).toMatchObject([{ isSelf: true, isMuted: true }]);
    devices.returns();
    await vi.advanceTimersByTimeAsync(0);
    expect(callOf({ model }).tiles).toMatchObject([{ isSelf: true, isMuted: false }]);
  });
});

describe('rejoining', () => {
  it.each<[string, MeetingInfo, object]>([
    ['that is over', { ...FOUND, isOver: true }, { name: 'ended', cause: 'meeting-ended' }],
    ['that was deleted', { status: 'missing' }, { name: 'missing', mayAppear: true }],
    ['that goes on', FOUND, { name: 'preJoin' }],
  ])('a meeting %s', async (_case, later, screen) => {
    const answers: MeetingInfo[] = [FOUND, later];
    const { model, server } = setUp({ fetchMeeting: () => Promise.resolve(answers.shift() ?? later) });
    await model.open();
    model.setName('Ada');
    model.join();
    server.socket.serverCloses(4000, 'the meeting was ended by a moderator');
    await model.rejoin();
    expect(model.state.get().screen).toMatchObject(screen);
  });

  it('a join that finds the meeting over is an end, not a failure to retry', async () => {
    const { model } = setUp({
      createSession: ({ displayName, localMedia }) =>
        new Session({
          findRoute: () => Promise.reject(new ConveneError('meeting-over', 'over')),
          displayName,
          localMedia,
          log: silentLog,
          userAgent: '',
          createDevice: new FakeMediaPath().createDevice,
          openSocket: new FakeServer().openSocket,
        }),
    });
    await model.open();
    model.setName('Ada');
    model.join();
    await vi.advanceTimersByTimeAsync(0);
    expect(model.state.get().screen).toMatchObject({ name: 'ended', cause: 'meeting-ended' });
  });
});

describe('a peer id that another connection has', () => {
  const peerIds = ({ server }: Setup): (string | null)[] => server.sockets.map(({ url }) => new URL(url).searchParams.get('peerId'));
  const refuse = ({ server }: Setup): void => server.socket.serverCloses(4000, 'this peerId is in use');

  async function joining(): Promise<Setup> {
    const app = setUp();
    await app.model.open();
    app.model.setName('Ada');
    app.model.join();
    app.server.socket.serverOpens();
    return app;
  }

  it('is replaced by a new one, and the call starts without a message', async () => {
    const app = await joining();
    refuse(app);
    app.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    expect(app.model.state.get()).toMatchObject({ screen: { name: 'call' }, connection: { status: 'connected' }, local: { camera: { status: 'on' } } });
    expect([new Set(peerIds(app)).size, callOf(app).selfId]).toEqual([2, peerIds(app)[1]]);
  });

  it('is replaced once, and reported after that', async () => {
    const app = await joining();
    refuse(app);
    refuse(app);
    expect(app.model.state.get().screen).toMatchObject({ name: 'ended', cause: 'peer-id-taken' });
    expect(app.server.sockets).toHaveLength(2);
  });

  it('is replaced again after a stable call', async () => {
    const app = await joining();
    refuse(app);
    app.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    refuse(app);
    expect([app.model.state.get().screen.name, app.server.sockets.length]).toEqual(['call', 3]);
  });
});

it('a participant who was removed does not rejoin', async () => {
  const { model, server } = await inCall();
  server.socket.serverCloses(4000, 'removed by a moderator');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([model.state.get().screen, server.sockets.length]).toMatchObject([{ name: 'ended', cause: 'removed' }, 1]);
});

it('a selected device is stored, and requested at the next visit', async () => {
  const kept: Settings[] = [];
  const { model } = setUp({ saveSettings: (settings) => kept.push(settings) });
  await model.open();
  model.choose('camera', 'cam-7');
  const settings = readSettings(JSON.stringify(kept.at(-1)), []);
  expect(settings.cameraId).toBe('cam-7');
  const next = setUp({ settings });
  await next.model.open();
  expect(next.devices.requests[0]?.remembered).toMatchObject({ camera: 'cam-7' });
});
