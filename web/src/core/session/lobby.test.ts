import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDevices, FakeMediaPath } from '../../test-support/fake-media';
import { FakeServer } from '../../test-support/fake-server';
import { ConveneError } from '../errors';
import { silentLog } from '../log';
import { LocalMedia } from '../media/local-media';
import { endCauseOf } from './close-reason';
import type { SessionEvent } from './events';
import { openRoute, type RouteFinder } from './connection/route';
import { Session } from './session';

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function setUp(findRoute: RouteFinder = () => openRoute('ws://pod/')): { server: FakeServer; session: Session; events: SessionEvent[] } {
  const server = new FakeServer();
  const session = new Session({
    findRoute,
    displayName: 'Ada',
    localMedia: new LocalMedia(new FakeDevices(), silentLog),
    log: silentLog,
    userAgent: '',
    createDevice: new FakeMediaPath().createDevice,
    openSocket: server.openSocket,
  });
  const events: SessionEvent[] = [];
  session.subscribe((one) => events.push(one));
  return { server, session, events };
}

const methods = (server: FakeServer): unknown[] => server.socket.sent.map(({ method }) => method);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the lobby', () => {
  /** As in the pod: the request for capabilities is answered only after admission. */
  async function waiting(): Promise<ReturnType<typeof setUp> & { answerLate: () => void }> {
    const setup = setUp();
    const { server, session } = setup;
    const answer = server.answers['getRouterRtpCapabilities'];
    server.answers['getRouterRtpCapabilities'] = () => undefined;
    session.start();
    server.socket.serverOpens();
    server.notifies('lobby', { state: 'waiting' });
    await settle();
    const [asked] = server.socket.sent;
    const answerLate = (): void => {
      if (answer !== undefined) server.answers['getRouterRtpCapabilities'] = answer;
      server.socket.serverSends({ response: true, id: asked?.['id'], ok: true, data: answer?.({}) });
    };
    return { ...setup, answerLate };
  }

  it('is entered after sending the name', async () => {
    const { server, session } = await waiting();
    expect(session.connection).toEqual({ status: 'lobby' });
    expect(server.sent('knock')[0]?.['data']).toMatchObject({ displayName: 'Ada' });
    expect(server.sent('join')).toEqual([]);
  });

  it('leads into the call when a moderator admits, with one join', async () => {
    const { server, session, answerLate } = await waiting();
    answerLate();
    server.notifies('lobby', { state: 'admitted' });
    await settle();
    expect(session.connection.status).toBe('connected');
    expect(methods(server).filter((method) => method === 'join')).toHaveLength(1);
    expect(methods(server).filter((method) => method === 'createWebRtcTransport')).toHaveLength(2);
  });

  it('has no time limit: an unanswered request does not end it', async () => {
    const { server, session } = await waiting();
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(session.connection).toEqual({ status: 'lobby' });
    expect(server.sockets).toHaveLength(1);
  });

  it('ends with a rejection', async () => {
    const { server, session } = await waiting();
    server.socket.serverCloses(4000, 'refused by a moderator');
    expect(session.connection).toMatchObject({ status: 'closed', cause: 'refused' });
  });

  it('is entered again when the socket breaks', async () => {
    const { server, session } = await waiting();
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(1000);
    server.socket.serverOpens();
    server.notifies('lobby', { state: 'waiting' });
    await settle();
    expect(session.connection).toEqual({ status: 'lobby' });
  });
});

/** A session whose first socket is open; `asked` has `isRefused` of each route request. */
function enterAndNote() {
  const asked: boolean[] = [];
  const { server, session } = setUp(({ isRefused }) => {
    asked.push(isRefused);
    return openRoute('ws://pod/');
  });
  session.start();
  server.socket.serverOpens();
  return { asked, server };
}

describe('the route', () => {
  it('is requested again when no socket opened with it', async () => {
    const { asked, server } = enterAndNote();
    server.socket.serverCloses(1012);
    await vi.advanceTimersByTimeAsync(1000);
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual([false, false, true]);
  });

  it("is requested again when its ticket was rejected, whatever the browser's clock", async () => {
    const { asked, server } = enterAndNote();
    server.socket.serverCloses(4000, 'the ticket has expired');
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual([false, true]);
  });

  it('that is denied ends the session with the reason', async () => {
    const { server, session } = setUp(() => Promise.reject(new ConveneError('token-expired', 'too old')));
    session.start();
    await settle();
    expect(session.connection).toMatchObject({ status: 'failed', error: { code: 'token-expired' } });
    expect(server.sockets).toEqual([]);
  });

  it('that does not exist yet is retried', async () => {
    let isReady = false;
    const { server, session } = setUp(() => (isReady ? openRoute('ws://pod/') : Promise.reject(new ConveneError('meeting-waits', 'starting'))));
    session.start();
    await settle();
    isReady = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets).toHaveLength(1);
  });

  it('that arrives after leaving is not used', async () => {
    let found = (): void => undefined;
    const { server, session } = setUp(() => new Promise((resolve) => (found = () => resolve(openRoute('ws://pod/')))));
    session.start();
    session.leave();
    found();
    await settle();
    expect(server.sockets).toEqual([]);
  });
});

it.each([
  ['removed by a moderator', 'removed'],
  ['removed from the meeting', 'removed'],
  ['refused by a moderator', 'refused'],
  ['no moderator admitted you', 'not-admitted'],
  ['nobody has let you in', 'not-admitted'],
  ['the lobby is full', 'lobby-full'],
  ['the meeting was ended by a moderator', 'ended-by-moderator'],
  ['the meeting is locked', 'meeting-locked'],
  ['the meeting is full', 'meeting-full'],
  ['meeting ended', 'meeting-ended'],
  ['meeting not found', 'meeting-missing'],
  ['a newer connection replaced this one', 'replaced'],
  ['this peerId is in use', 'peer-id-taken'],
  ["this peerId is somebody else's", 'peer-id-taken'],
  ['this invitation was used by another participant', 'invitation-used'],
  ['a join token is needed', 'token-required'],
  ['too many requests', 'closed'],
])('"%s" is reported as %s', (reason, cause) => expect(endCauseOf(reason)).toBe(cause));
