import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeHandler } from 'mediasoup-client';
import { ConveneError } from '../errors';
import { silentLog } from '../log';
import { LocalMedia } from '../media/local-media';
import { RequestRefused } from '../signaling/protoo';
import { FakeDevices, FakeMediaPath } from '../../test-support/fake-media';
import { consumerOffer, FakeServer } from '../../test-support/fake-server';
import { setUp, settle, statuses, type Setup } from '../../test-support/session-setup';
import { openRoute, type Route, type RouteFinder } from './connection/route';
import { Preparation, type PreparationState } from './preparation';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const URL = 'ws://pod/signal/team/hello?peerId=abcdefgh';

interface Prepared extends Setup {
  preparation: Preparation;
  states: PreparationState[];
}

interface Situation {
  findRoute?: RouteFinder;
  isBlocked?: boolean;
  /** Whether the server's answers take long. */
  isFar?: boolean;
}

/** A preparation whose socket has not opened, and the session that may use it. */
function prepare({ findRoute = () => openRoute(URL), isBlocked = false }: Situation = {}): Prepared {
  const server = new FakeServer();
  const path = new FakeMediaPath();
  path.isBlocked = isBlocked;
  const states: PreparationState[] = [];
  const { createDevice } = path;
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  const preparation = new Preparation({
    ...{ peerId: 'abcdefgh', findRoute, localMedia: local, log: silentLog, createDevice, openSocket: server.openSocket },
    onChange: (state) => states.push(state),
  });
  const setup = setUp({ preparation, localMedia: local, openSocket: server.openSocket, createDevice });
  return { ...setup, devices, local, server, path, preparation, states };
}

function greets({ server }: Pick<Setup, 'server'>, change: object = {}): void {
  server.notifies('session', { id: 'abc', resumed: false, received: 0, resumeSeconds: 15, prepared: true, ...change });
}

async function prepared(situation: Situation = {}): Promise<Prepared> {
  const setup = prepare(situation);
  const { getRouterRtpCapabilities } = setup.server.answers;
  if (situation.isFar === true) delete setup.server.answers['getRouterRtpCapabilities'];
  setup.server.socket.serverOpens();
  greets(setup);
  await settle();
  if (situation.isFar === true) {
    await vi.advanceTimersByTimeAsync(50);
    const [asked] = setup.server.sent('getRouterRtpCapabilities');
    setup.server.socket.serverSends({ response: true, id: asked?.['id'], ok: true, data: getRouterRtpCapabilities?.({}) });
    await settle();
  }
  return setup;
}

const methods = ({ server }: Setup): unknown[] => server.sockets.flatMap(({ sent }) => sent.map(({ method }) => method));
const urls = ({ server }: Setup): string[] => server.sockets.map(({ url }) => url.replace(URL, ''));

describe('a prepared connection', () => {
  it('has both transports connected, and has not joined', async () => {
    const setup = await prepared();
    expect(methods(setup)).toEqual([
      'getRouterRtpCapabilities',
      'createWebRtcTransport',
      'createWebRtcTransport',
      'connectWebRtcTransport',
      'connectWebRtcTransport',
    ]);
    expect([setup.states, urls(setup)]).toEqual([['prepared'], ['&moves=1&prepare=1&session=new']]);
  });

  it('sends the join before start returns, and needs nothing else to receive and send', async () => {
    const setup = await prepared();
    const { server, session, local, events } = setup;
    await local.turnOn('camera');
    await settle();
    session.start();
    expect(methods(setup).slice(5)).toEqual(['join']);
    await settle();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    expect(methods(setup).slice(5)).toEqual(['join', 'getChatHistory', 'produce', undefined]);
    expect([server.answerTo(1), statuses(events)]).toMatchObject([{ ok: true }, ['connecting', 'connected']]);
    expect([server.sockets.length, server.sent('createWebRtcTransport').length]).toEqual([1, 2]);
  });

  it('is not used for a second join', async () => {
    const setup = await prepared();
    setup.session.start();
    await settle();
    setup.server.socket.serverCloses(1001);
    await vi.advanceTimersByTimeAsync(16_000);
    setup.server.socket.serverOpens();
    await settle();
    expect(urls(setup).at(-1)).toBe('&moves=1&session=new');
  });

  it('is dropped with the session that does not use it', async () => {
    const { session, server, states } = await prepared();
    session.leave();
    expect([server.socket.isClosedByClient, states]).toEqual([true, ['prepared', 'ended']]);
  });

  it.each(['the room was empty: please reconnect', 'the meeting is moving: please reconnect'])('does not open a room again: %s', async (reason) => {
    const setup = await prepared();
    setup.server.socket.serverCloses(1012, reason);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([setup.states, setup.server.sockets.length]).toEqual([['prepared', 'ended'], 1]);
  });

  it('stays prepared when its socket is cut and resumed', async () => {
    const setup = await prepared();
    const { length } = setup.server.socket.sent;
    setup.server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(0);
    setup.server.socket.serverOpens();
    greets(setup, { resumed: true, received: length });
    setup.session.start();
    await settle();
    expect([urls(setup)[1], setup.states]).toEqual(['&moves=1&prepare=1&session=abc&received=5', ['prepared']]);
    expect(setup.session.connection.status).toBe('connected');
  });
});

/** A preparation of a user whose camera and microphone are on. */
async function preparedToSend(situation?: Situation): Promise<Prepared> {
  const setup = await prepared(situation);
  await setup.local.turnOn('camera');
  await setup.local.turnOn('microphone');
  await settle();
  return setup;
}

const produced = ({ server }: Setup): unknown[] => server.sent('produce').map(({ data }) => (data as { kind: string }).kind);
const tracksOf = ({ path }: Setup): unknown[] => path.senders.map(({ track }) => track?.kind);

describe('microphone and camera of a prepared connection', () => {
  it('are negotiated, and neither announced nor sent', async () => {
    const setup = await preparedToSend();
    expect([produced(setup), tracksOf(setup)]).toEqual([[], [undefined, undefined]]);
  });

  it('are announced right behind the join if the server is far, together, and sent when it knows them', async () => {
    const setup = await preparedToSend({ isFar: true });
    delete setup.server.answers['produce'];
    setup.session.start();
    expect([methods(setup).slice(5), produced(setup)]).toEqual([
      ['join', 'produce', 'produce'],
      ['video', 'audio'],
    ]);
    await settle();
    expect(tracksOf(setup)).toEqual([undefined, undefined]);
    for (const { id } of setup.server.sent('produce'))
      setup.server.socket.serverSends({ response: true, id, ok: true, data: { producerId: `p${String(id)}` } });
    await settle();
    expect([produced(setup), tracksOf(setup)]).toEqual([
      ['video', 'audio'],
      ['video', 'audio'],
    ]);
  });

  it('are announced again if the server accepts them only after an admission', async () => {
    const setup = await preparedToSend({ isFar: true });
    const { produce } = setup.server.answers;
    setup.server.answers['produce'] = () => new RequestRefused('produce', 403, 'a moderator has to let you in first');
    delete setup.server.answers['join'];
    setup.session.start();
    setup.server.notifies('lobby', { state: 'waiting' });
    await settle();
    expect([setup.session.connection.status, tracksOf(setup)]).toEqual(['lobby', [undefined, undefined]]);
    Object.assign(setup.server.answers, { produce, join: () => ({ peers: [] }) });
    for (const { id } of setup.server.sent('join')) setup.server.socket.serverSends({ response: true, id, ok: true, data: { peers: [] } });
    setup.server.notifies('lobby', { state: 'admitted' });
    await settle();
    expect([produced(setup).slice(2), tracksOf(setup)]).toEqual([
      ['video', 'audio'],
      ['video', 'audio'],
    ]);
    expect(setup.events.filter(({ type }) => type === 'publishFailed')).toEqual([]);
  });

  it('that the user turns off before the click are not announced', async () => {
    const setup = await preparedToSend();
    setup.local.turnOff('camera');
    setup.local.turnOff('microphone');
    await settle();
    setup.session.start();
    await settle();
    expect([produced(setup), setup.server.sent('pauseProducer').length, setup.server.sent('closeProducer')]).toEqual([['audio'], 1, []]);
  });

  it('that are replaced before the click are negotiated again, since a new track would be sent at once', async () => {
    const setup = await preparedToSend();
    await setup.local.choose('camera', 'cam-2');
    await settle();
    expect(tracksOf(setup)).toEqual([undefined, undefined, undefined]);
    setup.session.start();
    await settle();
    const [, , newest] = setup.path.senders;
    expect([produced(setup), newest?.track]).toEqual([['video', 'audio'], setup.devices.live.find(({ kind }) => kind === 'video')]);
  });

  it('that is unmuted while the server decides resumes once it has an id', async () => {
    const setup = await preparedToSend({ isFar: true });
    setup.local.turnOff('microphone');
    await settle();
    delete setup.server.answers['join'];
    delete setup.server.answers['produce'];
    setup.session.start();
    await setup.local.turnOn('microphone');
    await settle();
    const microphone = setup.server.sent('produce').find(({ data }) => (data as { kind: string }).kind === 'audio');
    expect(microphone?.['data']).toMatchObject({ paused: true });
    setup.server.socket.serverSends({ response: true, id: microphone?.['id'], ok: true, data: { producerId: 'p1' } });
    await settle();
    expect([setup.server.sent('pauseProducer'), setup.server.sent('resumeProducer').length]).toEqual([[], 1]);
  });

  it('that is turned off while the server decides is closed once it has an id', async () => {
    const setup = await preparedToSend({ isFar: true });
    delete setup.server.answers['join'];
    delete setup.server.answers['produce'];
    setup.session.start();
    await settle();
    setup.local.turnOff('camera');
    await settle();
    const [camera] = setup.server.sent('produce');
    expect(setup.server.sent('closeProducer')).toEqual([]);
    setup.server.socket.serverSends({ response: true, id: camera?.['id'], ok: true, data: { producerId: 'p1' } });
    await settle();
    expect(setup.server.sent('closeProducer')).toMatchObject([{ data: { producerId: 'p1' } }]);
    expect(tracksOf(setup)[0]).toBeUndefined();
  });

  it('that the browser refuses is tried again with the join', async () => {
    const setup = await prepared();
    vi.spyOn(FakeHandler.prototype, 'send').mockRejectedValueOnce(new Error('no'));
    await setup.local.turnOn('camera');
    await settle();
    setup.session.start();
    await settle();
    expect([produced(setup), setup.events.filter(({ type }) => type === 'publishFailed')]).toEqual([['video'], []]);
  });
});

/** Whatever was prepared is gone: the join works as without it. */
async function joinsAnew(setup: Prepared): Promise<void> {
  const { length } = setup.server.sockets;
  setup.session.start();
  await settle();
  expect([setup.server.sockets.length, urls(setup).at(-1)]).toEqual([length + 1, '&moves=1&session=new']);
  setup.server.socket.serverOpens();
  await settle();
  expect(setup.session.connection.status).toBe('connected');
}

describe('a preparation that ends before the click', () => {
  it('is dropped if the pod is too old, and the join works without it', async () => {
    const setup = prepare();
    setup.server.socket.serverOpens();
    greets(setup, { prepared: undefined });
    await settle();
    expect([setup.states, methods(setup), setup.server.socket.isClosedByClient]).toEqual([['unsupported'], [], true]);
    await joinsAnew(setup);
  });

  it('is dropped if the pod is too old for sessions', async () => {
    const setup = prepare();
    setup.server.socket.serverOpens();
    setup.server.notifies('mediasoupVersion', { version: '3' });
    setup.server.notifies('permissions', { moderator: false, publish: {} });
    expect([setup.states, setup.server.socket.isClosedByClient]).toEqual([['unsupported'], true]);
    await joinsAnew(setup);
  });

  it.each([
    [1012, 'this connection is no longer prepared'],
    [1012, 'not prepared any longer'],
    [4000, 'meeting ended'],
    [1000, ''],
  ])('by %i "%s" is dropped', async (code, reason) => {
    const setup = await prepared();
    setup.server.socket.serverCloses(code, reason);
    expect(setup.states).toEqual(['prepared', 'ended']);
    await joinsAnew(setup);
  });

  it('by a pod that is gone is dropped', async () => {
    const setup = await prepared();
    setup.server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(0);
    greets(setup, { id: 'other' });
    expect(setup.states).toEqual(['prepared', 'ended']);
    await joinsAnew(setup);
  });

  it('by a server that has no route is dropped', async () => {
    const routes: (() => Route | Promise<Route>)[] = [() => Promise.reject(new ConveneError('meeting-busy', 'busy'))];
    const setup = prepare({ findRoute: () => (routes.shift() ?? ((): Route => openRoute(URL)))() });
    await settle();
    expect([setup.states, setup.server.sockets]).toEqual([['ended'], []]);
    await joinsAnew(setup);
  });

  it('by blocked media is dropped once repairs have failed', async () => {
    const setup = await prepared({ isBlocked: true });
    expect(setup.states).toEqual([]);
    await vi.advanceTimersByTimeAsync(18_000);
    expect([setup.states, setup.server.sent('restartIce').length, setup.server.socket.isClosedByClient]).toEqual([['ended'], 2, true]);
    await joinsAnew(setup);
  });

  it.each(['getRouterRtpCapabilities', 'createWebRtcTransport', 'connectWebRtcTransport'])('by a refused %s is dropped', async (method) => {
    const setup = prepare();
    setup.server.answers[method] = () => new RequestRefused(method, 403, 'no');
    setup.server.socket.serverOpens();
    greets(setup);
    await settle();
    expect([setup.states.at(-1), setup.server.socket.isClosedByClient]).toEqual(['ended', true]);
    setup.server.answers[method] = new FakeServer().answers[method] ?? (() => undefined);
    await joinsAnew(setup);
  });

  it('by its owner opens nothing later', async () => {
    let found: (route: Route) => void = () => undefined;
    const setup = prepare({ findRoute: () => new Promise((resolve) => (found = resolve)) });
    setup.preparation.drop();
    found(openRoute(URL));
    await settle();
    expect([setup.server.sockets, setup.states]).toEqual([[], ['ended']]);
  });
});

describe('a click during the preparation', () => {
  it('waits for its route', async () => {
    let found: (route: Route) => void = () => undefined;
    const setup = prepare({ findRoute: () => new Promise((resolve) => (found = resolve)) });
    setup.session.start();
    found(openRoute(URL));
    await settle();
    setup.server.socket.serverOpens();
    greets(setup);
    await settle();
    expect([setup.session.connection.status, urls(setup)]).toEqual(['connected', ['&moves=1&prepare=1&session=new']]);
  });

  it('joins without it if there is no route', async () => {
    const routes: (() => Route | Promise<Route>)[] = [() => Promise.reject(new ConveneError('meeting-busy', 'busy'))];
    const setup = prepare({ findRoute: () => (routes.shift() ?? ((): Route => openRoute(URL)))() });
    await joinsAnew(setup);
  });

  it('that is taken back closes what it waited for', async () => {
    let found: (route: Route) => void = () => undefined;
    const setup = prepare({ findRoute: () => new Promise((resolve) => (found = resolve)) });
    setup.session.start();
    setup.session.leave();
    found(openRoute(URL));
    await settle();
    expect(setup.server.sockets.every(({ isClosedByClient }) => isClosedByClient)).toBe(true);
  });

  it.each([
    ['before the socket is open', (): void => undefined],
    ['before the greeting', ({ server }: Setup): void => server.socket.serverOpens()],
  ])('%s goes on with it', async (_when, until) => {
    const setup = prepare();
    until(setup);
    setup.session.start();
    if (setup.server.socket.readyState === 0) setup.server.socket.serverOpens();
    greets(setup);
    await settle();
    expect([setup.session.connection.status, setup.server.sockets.length, setup.server.sent('join').length]).toEqual(['connected', 1, 1]);
  });

  it('goes on with the connection of an older pod: it is an ordinary one', async () => {
    const setup = prepare();
    setup.session.start();
    setup.server.socket.serverOpens();
    greets(setup, { prepared: undefined });
    await settle();
    expect([setup.session.connection.status, setup.server.sockets.length]).toEqual(['connected', 1]);
  });
});

describe('a join over a prepared connection', () => {
  it('shows that its media is interrupted', async () => {
    const { session, path } = await prepared({ isBlocked: true });
    await vi.advanceTimersByTimeAsync(11_000);
    session.start();
    await settle();
    expect(session.connection).toEqual({ status: 'interrupted', what: 'media' });
    path.becomes('send', 'connected');
    path.becomes('recv', 'connected');
    expect(session.connection).toEqual({ status: 'connected' });
  });

  it('that ends at the same moment is repeated at once without it', async () => {
    const setup = await prepared();
    delete setup.server.answers['join'];
    setup.session.start();
    setup.server.answers['join'] = () => ({ peers: [] });
    setup.server.socket.serverCloses(1012, 'this connection is no longer prepared');
    expect(urls(setup)).toEqual(['&moves=1&prepare=1&session=new', '&moves=1&session=new']);
    setup.server.socket.serverOpens();
    await settle();
    expect([setup.session.connection.status, statuses(setup.events)]).toEqual(['connected', ['connecting', 'connected']]);
  });

  it('that is refused for good ends the session', async () => {
    const setup = await prepared();
    delete setup.server.answers['join'];
    setup.session.start();
    setup.server.socket.serverCloses(4000, 'the meeting is locked');
    expect([setup.session.connection, setup.server.sockets.length]).toMatchObject([{ status: 'closed', cause: 'meeting-locked' }, 1]);
  });

  it.each([
    ['held until the admission', 1],
    ['refused, and repeated after the admission', 2],
  ])('in the lobby may be %s', async (_what, joins) => {
    const setup = await prepared();
    const { server, session, events } = setup;
    server.answers['join'] = () => (joins === 1 ? undefined : new RequestRefused('join', 403, 'you are in the lobby'));
    server.answers['knock'] = () => ({});
    session.start();
    server.notifies('lobby', { state: 'waiting' });
    await vi.advanceTimersByTimeAsync(300_000);
    expect([session.connection.status, server.sent('knock').length]).toEqual(['lobby', 1]);
    server.answers['join'] = () => ({ peers: [] });
    server.notifies('lobby', { state: 'admitted' });
    if (joins === 1) server.socket.serverSends({ response: true, id: server.sent('join')[0]?.['id'], ok: true, data: { peers: [] } });
    await settle();
    expect([session.connection.status, server.sent('join').length, server.sockets.length]).toEqual(['connected', joins, 1]);
    expect(events.filter(({ type }) => type === 'joined')).toHaveLength(1);
  });
});
