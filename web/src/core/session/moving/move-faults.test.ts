import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asked, methods, notifies, offers, onBoth, produced, roomEvents } from '../../../test-support/moving-setup';
import { joined, settle, statuses } from '../../../test-support/session-setup';
import { RequestRefused } from '../../signaling/protoo';
import { openRoute, type Route } from '../connection/route';
import { ALONE_MS, ATTEMPT_MS, LINGER_MS } from './move';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

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

  it('shows the streams of the old connection again when the next one is lost before it has joined', async () => {
    const setup = await asked();
    delete setup.server.answers['join'];
    setup.server.socket.serverOpens();
    await settle();
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
    expect([setup.session.connection.status, produced(setup.server.socket)]).toEqual(['connected', ['audio', 'video']]);
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

  it('sends also if the old connection ends while the next one is looked after', async () => {
    const setup = await asked();
    setup.server.answers['join'] = () => {
      setTimeout(() => notifies(setup.old, 'over'));
      return { peers: [] };
    };
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(1);
    expect([setup.session.connection.status, produced(setup.server.socket)]).toEqual(['connected', ['audio', 'video']]);
  });

  it('one that the next server has removed leaves both', async () => {
    const setup = await onBoth();
    setup.server.socket.serverCloses(4000, 'removed by a moderator');
    expect([setup.session.connection, setup.old.isClosedByClient]).toMatchObject([{ status: 'closed', cause: 'removed' }, true]);
  });

  it('asks for another ticket if the next server refuses the one that it has', async () => {
    const findRoute = vi.fn(() => openRoute('ws://pod/signal'));
    const setup = await asked({ findRoute });
    setup.server.socket.serverOpens();
    setup.server.socket.serverCloses(4000, 'the ticket has expired');
    await vi.advanceTimersByTimeAsync(150);
    expect(findRoute).toHaveBeenLastCalledWith({ isRefused: true, ticket: 'lent' });
  });

  it('streams that the old server refuses are repeated at a steady rate', async () => {
    const { old, local, server } = await asked();
    server.answers['produce'] = () => new RequestRefused('produce', 409, 'moving');
    await local.shareScreen();
    await settle();
    const before = produced(old).length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(produced(old).length - before).toBeLessThanOrEqual(10);
  });

  it('a stream that was being announced to the old server when it closed is no problem: the next one gets it', async () => {
    const { old, local, server, events } = await asked();
    const { produce } = server.answers;
    delete server.answers['produce'];
    await local.shareScreen();
    await settle();
    old.serverCloses(1012, 'the meeting moves');
    await settle();
    server.answers['produce'] = produce ?? ((): never => expect.fail('the fake server answers produce'));
    server.socket.serverOpens();
    await settle();
    expect(produced(server.socket)).toEqual(['audio', 'audio', 'video', 'video']);
    expect(events).not.toContainEqual(expect.objectContaining({ type: 'publishFailed' }));
  });

  it('media of the old connection that fails after its end changes nothing', async () => {
    const setup = await asked();
    setup.old.serverCloses(1012, 'the meeting moves');
    await settle();
    setup.path.becomes('recv', 'failed');
    await settle();
    expect([setup.server.sockets.map(({ isClosedByClient }) => isClosedByClient), statuses(setup.events)]).toEqual([[false, false], ['interrupted']]);
  });

  it('does not report that everything arrives while media is not connected', async () => {
    const setup = await asked();
    setup.path.isBlocked = true;
    setup.server.socket.serverOpens();
    await settle();
    offers(setup.server.socket, 'ben', 'new-audio');
    await vi.advanceTimersByTimeAsync(400);
    expect(methods(setup.old)).not.toContain('moved');
  });

  it('signaling of the next connection is resumed with the ticket that was lent', async () => {
    const findRoute = vi.fn(() => openRoute('ws://pod/signal'));
    const { server } = await asked({ findRoute });
    server.socket.serverOpens();
    notifies(server.socket, 'session', { id: 'next', resumed: false, received: 0, resumeSeconds: 15 });
    await settle();
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(300);
    expect(findRoute).toHaveBeenLastCalledWith({ isRefused: false, ticket: 'lent' });
  });

  it('goes on without old media that cannot be repaired, and tells the old server, where the others would see it leave', async () => {
    const setup = await asked();
    delete setup.server.answers['restartIce'];
    setup.path.becomes('recv', 'failed');
    setup.server.socket.serverOpens();
    await settle();
    const [asking] = setup.old.sent.filter(({ method }) => method === 'restartIce');
    setup.old.serverSends({ response: true, id: asking?.['id'], ok: false, errorCode: 500, errorReason: 'no such transport' });
    await settle();
    expect([methods(setup.old).at(-1), setup.session.connection.status]).toEqual(['moved', 'connected']);
    await vi.advanceTimersByTimeAsync(LINGER_MS);
    expect([setup.old.isClosedByClient, methods(setup.old).filter((method) => method === 'moved').length]).toEqual([true, 1]);
  });

  it('tries again with the ticket of the next server, if that one moves as well', async () => {
    const findRoute = vi.fn(() => openRoute('ws://pod/signal'));
    const { server } = await onBoth({ findRoute });
    notifies(server.socket, 'moving', { deadlineSeconds: 0, ticket: 'lent by the next' });
    server.socket.serverCloses(1012, 'the meeting moves');
    await vi.advanceTimersByTimeAsync(150);
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(300);
    expect(findRoute.mock.calls.slice(-2)).toEqual([[{ isRefused: false, ticket: 'lent by the next' }], [{ isRefused: true, ticket: 'lent by the next' }]]);
  });

  it('leaves no connection behind when a route comes late', async () => {
    const answers: ((route: Route) => void)[] = [];
    let isHeld = false;
    const findRoute = (): Route | Promise<Route> => (isHeld ? new Promise((resolve) => answers.push(resolve)) : openRoute('ws://pod/signal'));
    const { server, session } = await joined(false, { findRoute });
    isHeld = true;
    notifies(server.socket, 'moving', { deadlineSeconds: 30 });
    await vi.advanceTimersByTimeAsync(ATTEMPT_MS + 50);
    answers[0]?.(openRoute('ws://pod/signal'));
    await vi.advanceTimersByTimeAsync(100);
    answers[1]?.(openRoute('ws://pod/signal'));
    await settle();
    session.leave();
    expect(server.sockets.map(({ isClosedByClient }) => isClosedByClient)).toEqual([true, true]);
  });

  it('a message that cannot be read is logged without its values', async () => {
    const { server, noted, session } = await joined(false, {});
    notifies(server.socket, 'moving', { ticket: 'secret-ticket' });
    await settle();
    expect(session.connection.status).toBe('connected');
    expect(JSON.stringify(noted)).not.toContain('secret-ticket');
  });
});
