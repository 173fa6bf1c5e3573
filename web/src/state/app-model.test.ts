import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConveneError } from '../core/errors';
import { silentLog } from '../core/log';
import { deviceError } from '../core/media/devices';
import type { MeetingInfo } from '../core/meeting/meeting';
import { newPeerId } from '../core/peer/peer-id';
import { openRoute } from '../core/session/connection/route';
import { Session } from '../core/session/session';
import { FakeDevices, FakeMediaPath } from '../test-support/fake-media';
import { consumerOffer, FakeServer } from '../test-support/fake-server';
import { AppModel, type AppDependencies } from './app-model';
import type { CallState } from './call/call-state';
import type { RecentMeeting } from './recent';
import { readSettings, type Settings } from './settings';
import { speakerInUse } from './call/speaker';

const FOUND: MeetingInfo & { status: 'found' } = {
  status: 'found',
  title: 'Weekly',
  isReady: true,
  isOver: false,
  waitingFor: undefined,
  startsAt: undefined,
  participants: 2,
  needsToken: false,
  isRecorded: false,
  isLoopbackOnly: false,
};

const AT_FRONT_DOOR: Partial<AppDependencies> = {
  address: undefined,
  page: { host: 'meet.example', protocol: 'https:', pathname: '/', assign: () => undefined },
};

const NO_WEBRTC: AppDependencies['environment'] = { isSecureContext: true, hasPeerConnection: false, hasMediaDevices: true, reachesLoopback: true };

interface Watch {
  listener: (info: MeetingInfo) => void;
  hasEnded: boolean;
}

interface Setup {
  model: AppModel;
  server: FakeServer;
  devices: FakeDevices;
  saved: string[];
  /** The lists of recent meetings as they were kept. */
  kept: (readonly RecentMeeting[])[];
  watch: Watch;
}

function setUp(change: Partial<AppDependencies> = {}, info: MeetingInfo = FOUND): Setup {
  const server = new FakeServer();
  const devices = new FakeDevices();
  const saved: string[] = [];
  const kept: (readonly RecentMeeting[])[] = [];
  const watch: Watch = { listener: () => undefined, hasEnded: false };
  const model = new AppModel({
    address: { rest: 'team-a/stand-up' },
    page: { host: 'meet.example', protocol: 'https:', pathname: '/m/team-a/stand-up', assign: () => undefined },
    environment: { isSecureContext: true, hasPeerConnection: true, hasMediaDevices: true, reachesLoopback: true },
    devices,
    log: silentLog,
    fetchMeeting: () => Promise.resolve(info),
    createSession: ({ peerId, displayName, localMedia }) =>
      new Session({
        findRoute: () => openRoute(`ws://pod/?peerId=${peerId}`),
        displayName,
        localMedia,
        log: silentLog,
        userAgent: '',
        createDevice: new FakeMediaPath().createDevice,
        openSocket: server.openSocket,
      }),
    watchMeeting: (_address, listener) => {
      watch.listener = listener;
      return () => (watch.hasEnded = true);
    },
    hasJoinToken: false,
    peerIds: { take: newPeerId, forget: () => undefined },
    chime: () => undefined,
    now: () => 0,
    settings: readSettings(null, ['en']),
    saveSettings: () => undefined,
    recent: [],
    saveRecent: (recent) => kept.push(recent),
    loadName: () => '',
    saveName: (name) => saved.push(name),
    ...change,
  });
  return { model, server, devices, saved, watch, kept };
}

const callOf = ({ model }: Pick<Setup, 'model'>): CallState => {
  const state = model.state.get().call?.state.get();
  if (state === undefined) throw new Error('there is no call');
  return state;
};

async function inCall(): Promise<Setup> {
  const app = setUp();
  await app.model.open();
  app.model.setName(' Ada ');
  app.model.join();
  app.server.socket.serverOpens();
  await vi.advanceTimersByTimeAsync(0);
  return app;
}

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

  it('says what the meeting waits for', async () => {
    const waitingFor = { reason: 'PoolFull', message: 'no pod is free' };
    const { model } = setUp({}, { ...FOUND, isReady: false, waitingFor });
    await model.open();
    expect(model.state.get().meeting).toMatchObject({ isReady: false, waitingFor });
  });

  it.each([
    [{ isLoopbackOnly: true, reachesLoopback: false }, true],
    [{ isLoopbackOnly: true, reachesLoopback: true }, false],
    [{ isLoopbackOnly: false, reachesLoopback: false }, false],
  ])('says that media will not get through: %j', async ({ isLoopbackOnly, reachesLoopback }, expected) => {
    const environment = { isSecureContext: true, hasPeerConnection: true, hasMediaDevices: true, reachesLoopback };
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
  it('leads to the meeting that is entered, or says why not', () => {
    const went: string[] = [];
    const page = { host: 'meet.example', protocol: 'https:', pathname: '/', assign: (url: string | URL): void => void went.push(String(url)) };
    const { model, devices } = setUp({ address: undefined, page });
    expect(model.goTo('https://meet.example/m/team-a/board#token=abc')).toBeUndefined();
    expect(model.goTo('https://elsewhere.example/m/x')).toBe('elsewhere');
    expect(model.goTo('what?')).toBe('unreadable');
    expect([went, devices.opened]).toEqual([['/m/team-a/board#token=abc'], []]);
  });

  it('remembers where one was, by title and path alone, until that is cleared', async () => {
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
  it('needs a name of which something is left', async () => {
    const { model, server } = setUp();
    await model.open();
    model.setName('   ');
    model.join();
    expect(model.state.get()).toMatchObject({ canJoin: false, screen: { name: 'preJoin' } });
    expect(server.sockets).toEqual([]);
  });

  it('takes the tidy name, remembers it, and shows oneself', async () => {
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

  it('works without devices', async () => {
    const { model, server, devices } = setUp();
    devices.failures.camera = deviceError('camera', new DOMException('no', 'NotAllowedError'));
    devices.failures.microphone = deviceError('microphone', new DOMException('no', 'NotAllowedError'));
    await model.open();
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

describe('in the call', () => {
  it('shows who comes and what they send', async () => {
    const { model, server } = await inCall();
    server.notifies('newPeer', { peer: { peerId: 'bob', displayName: 'Bob' } });
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await vi.advanceTimersByTimeAsync(0);
    const [bob] = callOf({ model }).tiles;
    expect(bob).toMatchObject({ name: 'Bob', isSelf: false, isMuted: true });
    expect(bob?.video).toBeDefined();
  });

  it('keeps everybody while reconnecting, and lets go who does not come back', async () => {
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

  it('leaving gives the devices back and offers to come again, as somebody new', async () => {
    const { model, server, devices } = await inCall();
    model.leave();
    expect(model.state.get().screen).toEqual({ name: 'ended', cause: 'left', reason: '' });
    expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended', 'ended']);
    await model.rejoin();
    expect(model.state.get().screen.name).toBe('preJoin');
    model.join();
    expect(new Set(server.sockets.map(({ url }) => url)).size).toBe(2);
  });

  it.each(['screen', 'camera'] as const)('a %s that the person allows after the end is not captured, nor sent in the next call', async (what) => {
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

  it('the end of the meeting says so', async () => {
    const { model, server } = await inCall();
    server.socket.serverCloses(4000, 'meeting ended');
    expect(model.state.get().screen).toMatchObject({ name: 'ended', cause: 'meeting-ended' });
    expect(model.state.get().call).toBeUndefined();
  });

  it('a lost server says so in the end', async () => {
    const { model, server } = await inCall();
    for (let attempt = 0; attempt <= 11; attempt += 1) {
      server.socket.serverCloses(1006);
      await vi.advanceTimersByTimeAsync(8000);
    }
    expect(model.state.get().screen).toMatchObject({ name: 'failed', error: { code: 'server-unreachable' } });
  });
});

describe('devices', () => {
  const CAUSES = ['meeting ended', 'ended by a moderator', 'no such meeting', 'the meeting is full', 'the meeting is locked', 'removed by a moderator'];

  it.each([...CAUSES, 'refused by a moderator', 'connected again elsewhere', 'anything else'])('are given back when the call ends with "%s"', async (reason) => {
    const { server, devices, model } = await inCall();
    model.state.get().call?.toggleShare();
    await vi.advanceTimersByTimeAsync(0);
    expect(devices.live).toHaveLength(4);
    server.socket.serverCloses(4000, reason);
    expect([model.state.get().screen.name, devices.live]).toEqual(['ended', []]);
  });

  it('are given back when it is given up to reconnect, and none that comes late is kept', async () => {
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

  it('are given back to who is refused in the lobby, or finds that the meeting is over', async () => {
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

  it('a chosen loudspeaker that goes is told, and is used again when it is back', async () => {
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

  it('that were off at the end are off when one comes again', async () => {
    const { model, devices } = await inCall();
    model.toggle('microphone');
    model.leave();
    await model.rejoin();
    expect(devices.live.map(({ kind }) => kind)).toEqual(['video']);
    expect(model.state.get().local).toMatchObject({ microphone: { status: 'off' }, camera: { status: 'on' } });
  });

  it('that the system took away are opened anew when the page is seen again', async () => {
    const { model, devices } = await inCall();
    Object.defineProperty(devices.opened[0]?.track, 'muted', { value: true });
    devices.opened[0]?.track.dispatchEvent(new Event('mute'));
    expect(callOf({ model }).tiles).toMatchObject([{ isSelf: true, isMuted: true }]);
    devices.returns();
    await vi.advanceTimersByTimeAsync(0);
    expect(callOf({ model }).tiles).toMatchObject([{ isSelf: true, isMuted: false }]);
  });
});

describe('at the door', () => {
  it('who is there is told as it changes', async () => {
    const { model, watch } = setUp({}, { ...FOUND, participants: 0 });
    await model.open();
    watch.listener({ ...FOUND, participants: 3 });
    expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { participants: 3 } });
  });

  it.each<[string, MeetingInfo, object]>([
    ['ends', { ...FOUND, isOver: true }, { name: 'ended', cause: 'meeting-ended' }],
    ['is deleted', { status: 'missing' }, { name: 'missing', mayAppear: true }],
    ['is for invited people now', { ...FOUND, needsToken: true }, { name: 'tokenRequired' }],
  ])('a meeting that %s says so, and gives the devices back', async (_case, info, screen) => {
    const { model, watch, devices } = setUp();
    await model.open();
    watch.listener(info);
    expect([model.state.get().screen, watch.hasEnded]).toMatchObject([screen, true]);
    expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended', 'ended']);
  });

  it('nothing is followed any more once one is in the call', async () => {
    expect((await inCall()).watch.hasEnded).toBe(true);
  });
});

describe('coming back', () => {
  it.each<[string, MeetingInfo, object]>([
    ['that is over', { ...FOUND, isOver: true }, { name: 'ended', cause: 'meeting-ended' }],
    ['that was deleted', { status: 'missing' }, { name: 'missing', mayAppear: true }],
    ['that goes on', FOUND, { name: 'preJoin' }],
  ])('to a meeting %s', async (_case, later, screen) => {
    const answers: MeetingInfo[] = [FOUND, later];
    const { model, server } = setUp({ fetchMeeting: () => Promise.resolve(answers.shift() ?? later) });
    await model.open();
    model.setName('Ada');
    model.join();
    server.socket.serverCloses(4000, 'the meeting was ended by a moderator');
    await model.rejoin();
    expect(model.state.get().screen).toMatchObject(screen);
  });

  it('a join that finds the meeting over is an end, not a failure to try again', async () => {
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

  it('is replaced by a new one, and the call begins without a word', async () => {
    const app = await joining();
    refuse(app);
    app.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    expect(app.model.state.get()).toMatchObject({ screen: { name: 'call' }, connection: { status: 'connected' }, local: { camera: { status: 'on' } } });
    expect([new Set(peerIds(app)).size, callOf(app).selfId]).toEqual([2, peerIds(app)[1]]);
  });

  it('is replaced once, and said then', async () => {
    const app = await joining();
    refuse(app);
    refuse(app);
    expect(app.model.state.get().screen).toMatchObject({ name: 'ended', cause: 'peer-id-taken' });
    expect(app.server.sockets).toHaveLength(2);
  });

  it('is replaced again after a call that held', async () => {
    const app = await joining();
    refuse(app);
    app.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(0);
    refuse(app);
    expect([app.model.state.get().screen.name, app.server.sockets.length]).toEqual(['call', 3]);
  });
});

it('a participant who was removed is not brought back', async () => {
  const { model, server } = await inCall();
  server.socket.serverCloses(4000, 'removed by a moderator');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([model.state.get().screen, server.sockets.length]).toMatchObject([{ name: 'ended', cause: 'removed' }, 1]);
});

describe('a meeting that is not ready', () => {
  const STARTING: MeetingInfo = { ...FOUND, isReady: false, waitingFor: { reason: 'PodNotReady', message: 'its pod is starting' } };

  async function waiting(): Promise<Setup> {
    const app = setUp({}, STARTING);
    await app.model.open();
    app.model.setName('Ada');
    app.model.join();
    return app;
  }

  it('is waited for, and entered as soon as it is ready', async () => {
    const { model, watch, server } = await waiting();
    expect(model.state.get().screen.name).toBe('waiting');
    expect(server.sockets).toEqual([]);
    watch.listener({ ...STARTING, waitingFor: { reason: 'PoolFull', message: 'no room' } });
    expect(model.state.get().meeting.waitingFor?.reason).toBe('PoolFull');
    watch.listener(FOUND);
    expect(model.state.get().screen.name).toBe('call');
    expect([server.sockets.length, watch.hasEnded]).toEqual([1, true]);
  });

  it('can be left for the preview again', async () => {
    const { model, watch, server } = await waiting();
    model.leave();
    watch.listener(FOUND);
    expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { isReady: true } });
    expect(server.sockets).toEqual([]);
  });

  it('that is over meanwhile says so', async () => {
    const { model, watch } = await waiting();
    watch.listener({ ...FOUND, isReady: false, isOver: true });
    expect(model.state.get().screen).toMatchObject({ name: 'ended', cause: 'meeting-ended' });
  });
});

it('a meeting for invited people asks for the link, unless there is a token', async () => {
  const invited: MeetingInfo = { ...FOUND, needsToken: true };
  const without = setUp({}, invited);
  await without.model.open();
  expect(without.model.state.get().screen.name).toBe('tokenRequired');
  const withToken = setUp({ hasJoinToken: true }, invited);
  await withToken.model.open();
  expect(withToken.model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, meeting: { needsToken: true } });
});

it('a device that was chosen is remembered, and asked for at the next visit', async () => {
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

it('who takes the request back is at the door again, and nobody waits any more', async () => {
  const { model, server } = setUp();
  await model.open();
  model.setName('Ada');
  model.join();
  server.socket.serverOpens();
  server.notifies('lobby', { state: 'waiting' });
  model.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(model.state.get()).toMatchObject({ screen: { name: 'preJoin' }, call: undefined, local: { camera: { status: 'on' } } });
  expect(server.socket.isClosedByClient).toBe(true);
});

it('the lobby has its own screen, and leads into the call or away', async () => {
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
