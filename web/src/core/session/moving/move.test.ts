import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { consumerOffer } from '../../../test-support/fake-server';
import type { FakeSocket } from '../../../test-support/fake-socket';
import { joined, settle, statuses, type Setup } from '../../../test-support/session-setup';
import type { SessionOptions } from '../session';
import { RequestRefused } from '../../signaling/protoo';
import type { RoomEvent } from '../events';
import { openRoute, type Route } from '../connection/route';
import { ALONE_MS, ATTEMPT_MS, LINGER_MS } from './move';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

interface Moving extends Setup {
  /** Of the server that is left. */
  old: FakeSocket;
}

const methods = (socket: FakeSocket): unknown[] => socket.sent.map(({ method }) => method);
const notifies = (socket: FakeSocket, method: string, data: object = {}): void => socket.serverSends({ notification: true, method, data });
const offers = (socket: FakeSocket, peerId: string, consumerId: string): void =>
  socket.serverSends({ request: true, id: 1, method: 'newConsumer', data: consumerOffer(peerId, 'audio', consumerId) });
const roomEvents = ({ events }: Setup): RoomEvent[] => events.filter((one): one is RoomEvent => one.type !== 'connection');

/** In a call that is asked to move. */
async function asked(change: Partial<SessionOptions> = {}, notice: object = { deadlineSeconds: 10, ticket: 'lent' }): Promise<Moving> {
  const setup = await joined(false, change);
  const old = setup.server.socket;
  notifies(old, 'newPeer', { peer: { peerId: 'ben', displayName: 'Ben', device: {} } });
  offers(old, 'ben', 'old-audio');
  await settle();
  setup.events.length = 0;
  notifies(old, 'moving', notice);
  await settle();
  return { ...setup, old };
}

/** The next server has accepted the client as well. */
async function onBoth(change: Partial<SessionOptions> = {}): Promise<Moving> {
  const setup = await asked(change);
  setup.server.socket.serverOpens();
  await settle();
  return setup;
}

const produced = (socket: FakeSocket): string[] =>
  socket.sent
    .filter(({ method }) => method === 'produce')
    .map(({ data }) => (data as { kind: string }).kind)
    .sort();

describe('a move to another server', () => {
  it('connects there while the old connection stays as it is, with the ticket that was lent', async () => {
    const findRoute = vi.fn(() => ({ url: 'ws://pod/signal/team/hello?peerId=abcdefgh', ticket: undefined, iceServers: [] }));
    const { server, old, events } = await onBoth({ findRoute });
    expect(findRoute).toHaveBeenLastCalledWith({ isRefused: false, ticket: 'lent' });
    expect(server.sockets.map(({ url }) => url)).toEqual(Array(2).fill('ws://pod/signal/team/hello?peerId=abcdefgh&moves=1&session=new'));
    expect([old.isClosedByClient, statuses(events)]).toEqual([false, []]);
  });

  it('sends everything to both', async () => {
    const { server, old, local } = await onBoth();
    expect([produced(old), produced(server.socket)]).toEqual([
      ['audio', 'video'],
      ['audio', 'video'],
    ]);
    local.turnOff('microphone');
    await settle();
    expect(methods(old).at(-1)).toBe('pauseProducer');
    expect(methods(server.socket)).toContain('pauseProducer');
  });

  it('reports to the old server once everything arrives from the next one', async () => {
    const setup = await asked();
    expect(methods(setup.old)).not.toContain('moved');
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(3000);
    expect(methods(setup.old).filter((method) => method === 'moved')).toHaveLength(1);
    expect(setup.old.isClosedByClient).toBe(false);
  });

  it('a stream of the next server takes the place of the old one, and goes on when the old connection is over', async () => {
    const setup = await onBoth();
    offers(setup.server.socket, 'ben', 'new-audio');
    await settle();
    expect(roomEvents(setup)).toContainEqual({
      type: 'trackAdded',
      remote: expect.objectContaining({ consumerId: 'new-audio', peerId: 'ben' }) as unknown,
      replaces: 'old-audio',
    });
    notifies(setup.old, 'over');
    await settle();
    expect([setup.old.isClosedByClient, statuses(setup.events)]).toEqual([false, []]);
    await vi.advanceTimersByTimeAsync(LINGER_MS);
    expect(setup.old.isClosedByClient).toBe(true);
    expect(setup.session.connection).toEqual({ status: 'connected' });
    // Ben has not said that he is at the next server.
    expect(roomEvents(setup)).toContainEqual({ type: 'leftBehind', peerIds: ['ben'], consumerIds: [] });
  });

  it('the end of the old connection needs no notice', async () => {
    const setup = await onBoth();
    setup.old.serverCloses(1012, 'the meeting moves');
    await settle();
    expect([setup.server.sockets.length, statuses(setup.events), setup.session.connection.status]).toEqual([2, [], 'connected']);
  });

  it('requests go to the next server as soon as it has accepted the client', async () => {
    const setup = await onBoth();
    setup.server.answers['raiseHand'] = () => ({});
    await setup.session.request('raiseHand', { raised: true });
    expect([methods(setup.old).includes('raiseHand'), methods(setup.server.socket).includes('raiseHand')]).toEqual([false, true]);
  });

  it('requests that the old server refuses for the move are repeated at the next one', async () => {
    const setup = await asked();
    setup.server.answers['raiseHand'] = () => new RequestRefused('raiseHand', 409, 'moving');
    const raising = setup.session.request('raiseHand', { raised: true });
    await settle();
    setup.server.answers['raiseHand'] = () => ({});
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(1000);
    await raising;
    expect(methods(setup.server.socket)).toContain('raiseHand');
  });

  it('sends only the smallest layer to the next server as long as both get it, if the browser cannot send more', async () => {
    const setup = await asked();
    setup.path.limitation = 'cpu';
    setup.server.socket.serverOpens();
    await settle();
    const layers = setup.server.socket.sent
      .filter(({ method }) => method === 'produce')
      .map(({ data }) => data as { kind: string; rtpParameters: { encodings: { active?: boolean }[] } })
      .find(({ kind }) => kind === 'video')?.rtpParameters.encodings;
    expect(layers?.map(({ active }) => active)).toEqual([true, false, false]);
    notifies(setup.server.socket, 'producerLayers', { producerId: 'producer-of-video', spatialLayer: 1 });
    await settle();
    expect(setup.path.limits).toEqual([0]);
    notifies(setup.old, 'over');
    await settle();
    expect(setup.path.limits).toEqual([0, 1]);
  });

  it('sends all layers to the next server at once if the browser can', async () => {
    const setup = await onBoth();
    notifies(setup.old, 'over');
    await settle();
    expect(setup.path.limits).toEqual([]);
  });

  it('leaving closes both', async () => {
    const { session, server } = await onBoth();
    session.leave();
    expect(server.sockets.map(({ isClosedByClient }) => isClosedByClient)).toEqual([true, true]);
  });
});

describe('a move that meets with faults', () => {
  it('tries again while the old connection goes on', async () => {
    const setup = await asked();
    setup.server.socket.serverCloses(1012, 'the meeting moves');
    await vi.advanceTimersByTimeAsync(100);
    expect(setup.server.sockets).toHaveLength(3);
    setup.server.socket.serverOpens();
    await settle();
    notifies(setup.old, 'over');
    await settle();
    expect([statuses(setup.events), setup.session.connection.status]).toEqual([[], 'connected']);
  });

  it('shows the streams of the old connection again when the next one is lost', async () => {
    const setup = await onBoth();
    offers(setup.server.socket, 'ben', 'new-audio');
    await settle();
    setup.server.socket.serverCloses(1006);
    expect(roomEvents(setup).at(-1)).toMatchObject({ type: 'trackAdded', remote: { consumerId: 'old-audio' }, replaces: 'new-audio' });
  });

  it('gives up an attempt that takes too long', async () => {
    const setup = await asked();
    await vi.advanceTimersByTimeAsync(ATTEMPT_MS - 1);
    expect(setup.server.sockets.map(({ isClosedByClient }) => isClosedByClient)).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(200);
    expect(setup.server.sockets.map(({ isClosedByClient }) => isClosedByClient)).toEqual([false, true, false]);
  });

  it('asks for another route when the first one takes too long', async () => {
    const answers: ((route: Route) => void)[] = [];
    let isHeld = false;
    const findRoute = (): Route | Promise<Route> => (isHeld ? new Promise((resolve) => answers.push(resolve)) : openRoute('ws://pod/signal'));
    const setup = await joined(false, { findRoute });
    isHeld = true;
    notifies(setup.server.socket, 'moving', { deadlineSeconds: 30 });
    await vi.advanceTimersByTimeAsync(ATTEMPT_MS + 200);
    for (const answer of answers) answer(openRoute('ws://pod/signal'));
    await settle();
    expect([answers.length, setup.server.sockets.length]).toEqual([2, 2]);
  });

  it('goes on when the meeting moves again meanwhile', async () => {
    const setup = await onBoth();
    const second = setup.server.socket;
    notifies(second, 'moving', { deadlineSeconds: 10 });
    notifies(setup.old, 'over');
    await settle();
    expect(setup.server.sockets).toHaveLength(3);
    setup.server.socket.serverOpens();
    await settle();
    notifies(second, 'over');
    await vi.advanceTimersByTimeAsync(LINGER_MS);
    expect([second.isClosedByClient, setup.session.connection.status, statuses(setup.events)]).toEqual([true, 'connected', []]);
  });

  it('who leaves meanwhile is gone, although the old server does not report it', async () => {
    const setup = await onBoth();
    notifies(setup.server.socket, 'newPeer', { peer: { peerId: 'ben', displayName: 'Ben', device: {} } });
    notifies(setup.server.socket, 'peerClosed', { peerId: 'ben' });
    notifies(setup.old, 'over');
    await settle();
    expect(roomEvents(setup).filter(({ type }) => type === 'peerLeft' || type === 'leftBehind')).toEqual([{ type: 'peerLeft', peerId: 'ben' }]);
  });

  it('waits for the next connection when the old one is gone', async () => {
    const setup = await asked();
    setup.old.serverCloses(1006);
    await settle();
    expect([setup.server.sockets.length, setup.session.connection.status]).toEqual([2, 'interrupted']);
    setup.server.socket.serverOpens();
    await settle();
    expect(setup.session.connection.status).toBe('connected');
  });

  it('reconnects when there is none for a while', async () => {
    const setup = await asked();
    setup.old.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(ALONE_MS);
    expect(setup.server.sockets).toHaveLength(3);
    setup.server.socket.serverOpens();
    await settle();
    expect(setup.session.connection.status).toBe('connected');
  });

  it('never resumes signaling of the old connection: the next server does not know it', async () => {
    const setup = await joined();
    const old = setup.server.socket;
    notifies(old, 'session', { id: 'abc', resumed: false, received: 0, resumeSeconds: 15 });
    notifies(old, 'moving', { deadlineSeconds: 10 });
    await settle();
    setup.server.socket.serverOpens();
    await settle();
    old.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(3000);
    expect(setup.server.sockets).toHaveLength(2);
  });

  it('without time for two connections, connects again at once with the ticket that was lent', async () => {
    const findRoute = vi.fn(() => ({ url: 'ws://pod/signal', ticket: undefined, iceServers: [] }));
    const setup = await asked({ findRoute }, { deadlineSeconds: 0, ticket: 'lent' });
    expect(setup.server.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2000);
    setup.old.serverCloses(1012, 'the meeting moves');
    await settle();
    expect(findRoute).toHaveBeenLastCalledWith({ isRefused: false, ticket: 'lent' });
    expect(setup.server.sockets).toHaveLength(2);
  });

  it('one that is removed meanwhile stays out', async () => {
    const setup = await onBoth();
    setup.old.serverCloses(4000, 'removed by a moderator');
    expect(setup.session.connection).toMatchObject({ status: 'closed', cause: 'removed' });
    expect(setup.server.socket.isClosedByClient).toBe(true);
  });
});
