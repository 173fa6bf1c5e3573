import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeSocket } from '../../test-support/fake-socket';
import { silentLog } from '../log';
import { ProtooConnection, RequestRefused, type ProtooHandlers, type SocketLike } from './protoo';

const handlers = {
  onOpen: vi.fn<ProtooHandlers['onOpen']>(),
  onClose: vi.fn<ProtooHandlers['onClose']>(),
  onNotification: vi.fn<ProtooHandlers['onNotification']>(),
  onRequest: vi.fn<ProtooHandlers['onRequest']>(),
};

function connect(): { socket: FakeSocket; protoo: ProtooConnection } {
  const sockets: FakeSocket[] = [];
  const openSocket = (url: string, protocol: string | string[]): FakeSocket => {
    const socket = new FakeSocket(url, protocol);
    sockets.push(socket);
    return socket;
  };
  const protoo = new ProtooConnection('ws://pod/signal/hello', { handlers, log: silentLog, openSocket });
  const socket = sockets[0];
  if (socket === undefined) throw new Error('no socket was opened');
  return { socket, protoo };
}

function connectOpen(): { socket: FakeSocket; protoo: ProtooConnection } {
  const connection = connect();
  connection.socket.serverOpens();
  return connection;
}

const lastId = (socket: FakeSocket): unknown => socket.sent.at(-1)?.['id'];

beforeEach(() => {
  vi.resetAllMocks();
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('outgoing requests', () => {
  it('offers the subprotocol "protoo"', () => {
    expect(connect().socket.protocol).toBe('protoo');
  });

  it('resolves with the data of the response with its id', async () => {
    const { socket, protoo } = connectOpen();
    const first = protoo.request('join', { displayName: 'Ada' });
    const firstId = lastId(socket);
    const second = protoo.request('other');
    socket.serverSends({ response: true, id: lastId(socket), ok: true, data: [1] });
    socket.serverSends({ response: true, id: firstId, ok: true, data: { peers: [] } });
    await expect(first).resolves.toEqual({ peers: [] });
    await expect(second).resolves.toEqual([1]);
    expect(socket.sent[0]).toMatchObject({ request: true, method: 'join', data: { displayName: 'Ada' } });
  });

  it('treats a response without data as empty', async () => {
    const { socket, protoo } = connectOpen();
    const answer = protoo.request('join');
    socket.serverSends({ response: true, id: lastId(socket), ok: true, data: null });
    await expect(answer).resolves.toEqual({});
  });

  it.each([
    ['with ok: false', { ok: false, errorCode: 403, errorReason: 'no' }, 403],
    ['without ok', { errorCode: 404, errorReason: 'no' }, 404],
    ['without a code', { ok: 'yes' }, 500],
  ])('rejects on an error response %s', async (_case, fields, code) => {
    const { socket, protoo } = connectOpen();
    const answer = protoo.request('join');
    socket.serverSends({ response: true, id: lastId(socket), ...fields });
    const error: unknown = await answer.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RequestRefused);
    expect(error).toMatchObject({ code: 'request-refused', errorCode: code });
  });

  it('do not time out while disconnected, and get their full time afterwards', async () => {
    const { socket, protoo } = connectOpen();
    const { onstall }: SocketLike = socket;
    const failed = vi.fn();
    protoo.request('before').catch(failed);
    await vi.advanceTimersByTimeAsync(20_000);
    onstall?.(true);
    protoo.request('during').catch(failed);
    await vi.advanceTimersByTimeAsync(60_000);
    onstall?.(false);
    await vi.advanceTimersByTimeAsync(22_000);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(failed).toHaveBeenCalledTimes(2);
  });

  it('reopen the socket when nothing arrives after them, and only then', async () => {
    const { socket, protoo } = connectOpen();
    const reopen = vi.fn();
    Object.assign(socket, { reopen });
    void protoo.request('one').catch(() => undefined);
    await vi.advanceTimersByTimeAsync(3000);
    socket.serverSends({ notification: true, method: 'anything', data: {} });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reopen).not.toHaveBeenCalled();
    void protoo.request('two').catch(() => undefined);
    await vi.advanceTimersByTimeAsync(4000);
    expect(reopen).toHaveBeenCalledOnce();
  });

  it('do not reopen the socket while they are held, also after a cut', async () => {
    const { socket, protoo } = connectOpen();
    const reopen = vi.fn();
    Object.assign(socket, { reopen });
    void protoo.request('join', {}, () => true).catch(() => undefined);
    const { onstall } = socket as { onstall?: (isStalled: boolean) => void };
    onstall?.(true);
    onstall?.(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reopen).not.toHaveBeenCalled();
  });

  it('waits 22.5 s for a response and no longer', async () => {
    const { protoo } = connectOpen();
    const failed = vi.fn();
    protoo.request('join').catch(failed);
    await vi.advanceTimersByTimeAsync(22_499);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'request-timeout' }));
  });

  it('that are answered while the page is suspended resolve when it resumes', async () => {
    const { socket, protoo } = connectOpen();
    const answer = protoo.request('produce');
    await vi.advanceTimersByTimeAsync(20_000);
    vi.setSystemTime(Date.now() + 60_000);
    // Timers fire before events of the socket.
    await vi.advanceTimersByTimeAsync(2500);
    socket.serverSends({ response: true, id: lastId(socket), ok: true, data: { producerId: 'p' } });
    await expect(answer).resolves.toEqual({ producerId: 'p' });
  });

  it('that are not answered after the page was suspended end soon', async () => {
    const { protoo } = connectOpen();
    const failed = vi.fn();
    protoo.request('produce').catch(failed);
    vi.setSystemTime(Date.now() + 60_000);
    await vi.advanceTimersByTimeAsync(22_500 + 4999);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toHaveBeenCalledOnce();
  });

  it('gives requests more time the more are pending', async () => {
    const { protoo } = connectOpen();
    void protoo.request('first').catch(() => undefined);
    const failed = vi.fn();
    protoo.request('second').catch(failed);
    await vi.advanceTimersByTimeAsync(22_649);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toHaveBeenCalledOnce();
  });

  it('ignores responses without a pending request', () => {
    const { socket } = connectOpen();
    for (const id of [1, '1', null]) socket.serverSends({ response: true, id, ok: true });
    expect(socket.sent).toEqual([]);
  });

  it('rejects before the socket is open', async () => {
    const { protoo, socket } = connect();
    await expect(protoo.request('join')).rejects.toMatchObject({ code: 'connection-closed' });
    protoo.notify('pauseProducer', { producerId: 'p' });
    expect(socket.sent).toEqual([]);
  });
});

describe('incoming requests', () => {
  it('answers when the handler is done', async () => {
    const { socket } = connectOpen();
    handlers.onRequest.mockResolvedValue(undefined);
    socket.serverSends({ request: true, id: 7, method: 'newConsumer', data: { a: 1 } });
    await vi.advanceTimersByTimeAsync(0);
    expect(handlers.onRequest).toHaveBeenCalledWith('newConsumer', { a: 1 });
    expect(socket.sent).toEqual([{ response: true, id: 7, ok: true, data: {} }]);
  });

  it('answers 404 to methods it does not know', async () => {
    const { socket } = connectOpen();
    handlers.onRequest.mockReturnValue(undefined);
    socket.serverSends({ request: true, id: 8, method: 'newDataConsumer' });
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent).toEqual([expect.objectContaining({ response: true, id: 8, ok: false, errorCode: 404 })]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('no such codec'))],
    [
      'throws',
      () => {
        throw new Error('no such codec');
      },
    ],
  ])('answers 500 with the text when the handler %s', async (_case, handler) => {
    const { socket } = connectOpen();
    handlers.onRequest.mockImplementation(handler);
    socket.serverSends({ request: true, id: 9, method: 'newConsumer' });
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent).toEqual([{ response: true, id: 9, ok: false, errorCode: 500, errorReason: 'no such codec' }]);
  });

  it('sends no response to a closed socket', async () => {
    const { socket } = connectOpen();
    handlers.onRequest.mockResolvedValue(undefined);
    socket.serverSends({ request: true, id: 7, method: 'newConsumer' });
    socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent).toEqual([]);
  });
});

describe('what is not a protoo message', () => {
  it.each([
    '{',
    '',
    '[]',
    'null',
    '7',
    '"text"',
    '{}',
    '{"request":true,"id":"7","method":"x"}',
    '{"request":true,"id":7}',
    '{"notification":true}',
    '{"notification":1,"method":"x"}',
  ])('is dropped: %s', async (frame) => {
    const { socket } = connectOpen();
    socket.serverSends(frame);
    await vi.advanceTimersByTimeAsync(0);
    expect(handlers.onNotification).not.toHaveBeenCalled();
    expect(handlers.onRequest).not.toHaveBeenCalled();
    expect(handlers.onClose).not.toHaveBeenCalled();
    expect(socket.sent).toEqual([]);
  });

  it('does not stop the next message', () => {
    const { socket } = connectOpen();
    socket.serverSends('{');
    socket.serverSends({ notification: true, method: 'newPeer', data: 'text' });
    expect(handlers.onNotification).toHaveBeenCalledWith('newPeer', {});
  });

  it('nor does a throwing handler', () => {
    const { socket } = connectOpen();
    handlers.onNotification.mockImplementationOnce(() => {
      throw new Error('defect');
    });
    socket.serverSends({ notification: true, method: 'newPeer' });
    socket.serverSends({ notification: true, method: 'peerClosed' });
    expect(handlers.onNotification).toHaveBeenCalledTimes(2);
  });
});

describe('closing', () => {
  it('reports code and reason once and rejects pending requests', async () => {
    const { socket, protoo } = connectOpen();
    const answer = protoo.request('join');
    socket.serverCloses(1012, 'moved');
    socket.serverCloses(1006);
    await expect(answer).rejects.toMatchObject({ code: 'connection-closed' });
    expect(handlers.onClose.mock.calls).toEqual([[1012, 'moved']]);
  });

  it('reports nothing after a local close', async () => {
    const { socket, protoo } = connectOpen();
    const answer = protoo.request('join');
    protoo.close();
    socket.serverSends({ notification: true, method: 'newPeer' });
    socket.serverCloses(1005);
    await expect(answer).rejects.toMatchObject({ code: 'connection-closed' });
    expect(socket.isClosedByClient).toBe(true);
    expect(handlers.onClose).not.toHaveBeenCalled();
    expect(handlers.onNotification).not.toHaveBeenCalled();
  });
});
