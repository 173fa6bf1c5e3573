import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeSocket } from '../../test-support/fake-socket';
import { ResumableSocket, withSession } from './resumable-socket';

const sockets: FakeSocket[] = [];
const network = new EventTarget();
const onCut = vi.fn<(isDisconnected: boolean) => void>();
const onclose = vi.fn<(event: { code: number; reason: string }) => void>();
let heard: unknown[] = [];

function newest(): FakeSocket {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
}

function greet(data: { resumed?: boolean; received?: number } = {}): void {
  const session = { id: 'abc', resumed: false, received: 0, resumeSeconds: 15, ...data };
  newest().serverSends({ notification: true, method: 'session', data: session });
}

function connect(): ResumableSocket {
  const address = { url: 'ws://pod/signal/hello?peerId=me', protocols: 'protoo' };
  const openSocket = (url: string, protocols: string | string[]): FakeSocket => {
    const socket = new FakeSocket(url, protocols);
    sockets.push(socket);
    return socket;
  };
  const socket = new ResumableSocket(address, { openSocket, findAddress: () => address, onCut, network });
  socket.onmessage = ({ data }) => heard.push(JSON.parse(String(data)));
  socket.onclose = onclose;
  newest().serverOpens();
  return socket;
}

async function reconnect(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  newest().serverOpens();
}

beforeEach(() => {
  vi.resetAllMocks();
  vi.useFakeTimers();
  sockets.length = 0;
  heard = [];
});
afterEach(() => vi.useRealTimers());

describe('a resumable socket', () => {
  it.each([
    ['ws://pod/a', 'new', undefined, 'ws://pod/a?session=new'],
    ['ws://pod/a?b=c', 'x', 0, 'ws://pod/a?b=c&session=x&received=0'],
  ])('requests with the URL %s the session %s', (url, session, received, expected) => {
    expect(withSession(url, session, received)).toBe(expected);
  });

  it('resumes after a disconnect, resends missing messages, and sends its count', async () => {
    const socket = connect();
    greet();
    newest().serverSends({ number: 1 });
    socket.send('{"mine":1}');
    socket.send('{"mine":2}');
    newest().serverCloses(1006);
    socket.send('{"mine":3}');
    await reconnect();
    expect(newest().url).toContain('&session=abc&received=1');
    expect(newest().sent).toEqual([]);
    greet({ resumed: true, received: 1 });
    newest().serverSends({ number: 2 });
    expect(newest().sent).toEqual([{ mine: 2 }, { mine: 3 }]);
    expect(heard).toEqual([{ number: 1 }, { number: 2 }]);
    expect(onclose).not.toHaveBeenCalled();
    expect(onCut).not.toHaveBeenCalled();
  });

  it.each([1001, 1006, 1012])('ends after %d when the pod has another session', async (code) => {
    connect();
    greet();
    newest().serverCloses(code);
    await reconnect();
    greet({ resumed: false });
    expect(onclose).toHaveBeenCalledExactlyOnceWith({ code, reason: '' });
    expect(newest().isClosedByClient).toBe(true);
  });

  it.each([4000, 1000])('ends at once with %d', (code) => {
    connect();
    greet();
    newest().serverCloses(code);
    expect(onclose).toHaveBeenCalledExactlyOnceWith({ code, reason: '' });
  });

  it('is a plain socket if the pod keeps no sessions', () => {
    connect();
    newest().serverCloses(1006);
    expect(onclose).toHaveBeenCalledOnce();
    expect(sockets).toHaveLength(1);
  });

  it('reports a long disconnect, and ends when the session expires', async () => {
    connect();
    greet();
    newest().serverCloses(1006);
    const refuse = setInterval(() => {
      if (newest().readyState === 0) newest().serverCloses(1006);
    }, 10);
    await vi.advanceTimersByTimeAsync(1900);
    expect(onCut).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(onCut).toHaveBeenLastCalledWith(true);
    expect(onclose).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(13_000);
    clearInterval(refuse);
    expect(onclose).toHaveBeenCalledOnce();
    expect(onCut).toHaveBeenLastCalledWith(false);
  });

  it('gives up an unanswered attempt, and retries', async () => {
    connect();
    greet();
    newest().serverCloses(1006);
    await vi.advanceTimersByTimeAsync(0);
    const silent = newest();
    const before = sockets.length;
    await vi.advanceTimersByTimeAsync(3000);
    expect(silent.isClosedByClient).toBe(true);
    expect(sockets.length).toBeGreaterThan(before);
    greet({ resumed: true });
    expect(onclose).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(onclose).not.toHaveBeenCalled();
  });

  it('retries at once when the network is back', async () => {
    connect();
    greet();
    newest().serverCloses(1006);
    await vi.advanceTimersByTimeAsync(0);
    newest().serverCloses(1006);
    const before = sockets.length;
    network.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets).toHaveLength(before + 1);
  });

  it('opens another socket when the old one seems dead', async () => {
    const socket = connect();
    greet();
    socket.send('{"mine":1}');
    const silent = newest();
    socket.reopen();
    await reconnect();
    // The pod would treat its end as leaving.
    expect(silent.isClosedByClient).toBe(false);
    greet({ resumed: true });
    expect(silent.isClosedByClient).toBe(true);
    expect(newest().sent).toEqual([{ mine: 1 }]);
    expect(onclose).not.toHaveBeenCalled();
  });

  it.each([
    ['answers as to a new connection', () => newest().serverSends({ notification: true, method: 'mediasoupVersion', data: {} })],
    ['claims messages that were never sent', () => greet({ resumed: true, received: 1 })],
  ])('ends when the server it reconnects to %s', async (_case, answer) => {
    connect();
    greet();
    newest().serverCloses(1006);
    await reconnect();
    answer();
    expect(onclose).toHaveBeenCalledOnce();
    expect(heard).toEqual([]);
  });

  it('reports nothing after a local close', async () => {
    const socket = connect();
    greet();
    newest().serverCloses(1006);
    socket.close();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sockets).toHaveLength(1);
    expect(onclose).not.toHaveBeenCalled();
  });
});
