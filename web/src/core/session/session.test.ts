import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { consumerOffer, type FakeServer } from '../../test-support/fake-server';
import { RequestRefused } from '../signaling/protoo';
import { LAST_FRAMES_KEPT_MS } from './last-frames';
import { type Setup, setUp, settle, joined, statuses } from '../../test-support/session-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('joining', () => {
  it('follows the demo protocol', async () => {
    const { server, events } = await joined();
    expect(server.socket.sent.map(({ method }) => method)).toEqual([
      'getRouterRtpCapabilities',
      'createWebRtcTransport',
      'createWebRtcTransport',
      'join',
      'getChatHistory',
      'connectWebRtcTransport',
      'produce',
      'produce',
    ]);
    expect(server.sent('createWebRtcTransport').map(({ data }) => data)).toEqual([
      { forceTcp: false, appData: { direction: 'producer' } },
      { forceTcp: false, appData: { direction: 'consumer' } },
    ]);
    expect(server.sent('join')[0]?.['data']).toMatchObject({
      displayName: 'Ada',
      device: { flag: 'chrome', name: 'Chrome', version: '156.0.0.0' },
      rtpCapabilities: { codecs: expect.any(Array) as unknown },
    });
    expect(statuses(events)).toEqual(['connecting', 'connected']);
  });

  it('sends camera and microphone with their source, the camera first', async () => {
    const { server } = await joined();
    expect(server.sent('produce').map(({ data }) => data)).toEqual([
      expect.objectContaining({ kind: 'video', appData: { source: 'video' } }),
      expect.objectContaining({ kind: 'audio', appData: { source: 'audio' } }),
    ]);
    const video = server.sent('produce')[0]?.['data'] as { rtpParameters: { encodings: unknown[]; codecs: { mimeType: string }[] } };
    expect(video.rtpParameters.encodings).toHaveLength(3);
    expect(video.rtpParameters.codecs[0]?.mimeType.toLowerCase()).toBe('video/vp8');
  });

  it('works without any device', async () => {
    const { server, session, events } = setUp();
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(statuses(events)).toEqual(['connecting', 'connected']);
    expect(server.sent('produce')).toEqual([]);
  });

  it('retries with the same peer id when the server rejects it', async () => {
    const { server, session } = setUp();
    server.answers['join'] = () => new Error('not now');
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(session.connection).toMatchObject({ status: 'connecting' });
    expect(server.socket.isClosedByClient).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets.map(({ url }) => url)).toEqual(Array(2).fill('ws://pod/signal/team/hello?peerId=abcdefgh&moves=1&session=new'));
  });

  it.each([
    [403, 'the meeting is locked', { status: 'closed', cause: 'meeting-locked' }],
    [403, 'the meeting is full', { status: 'closed', cause: 'meeting-full' }],
    [403, 'you may not receive what others send', { status: 'failed', error: { code: 'access-refused' } }],
    [400, 'rtpCapabilities.codecs: too many', { status: 'failed', error: { code: 'join-refused' } }],
    [413, 'too large', { status: 'failed', error: { code: 'join-refused' } }],
    [409, 'this connection has been replaced', { status: 'connecting' }],
    [429, 'too many requests', { status: 'connecting' }],
  ])('a join rejected with %i "%s" ends the session only if retrying is pointless', async (status, reason, connection) => {
    const { server, session } = setUp();
    server.answers['join'] = () => new RequestRefused('join', status, reason);
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(session.connection).toMatchObject(connection);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets).toHaveLength(connection.status === 'connecting' ? 2 : 1);
  });

  it('that is always rejected fails with an error about the meeting', async () => {
    const { server, session } = setUp();
    server.answers['join'] = () => new RequestRefused('join', 429, 'too many requests');
    session.start();
    for (let attempt = 0; attempt < 11; attempt += 1) {
      server.socket.serverOpens();
      await vi.advanceTimersByTimeAsync(8000);
    }
    expect(session.connection).toMatchObject({ status: 'failed', error: { code: 'meeting-busy' } });
  });

  it.each([
    ['getRouterRtpCapabilities', {}],
    ['createWebRtcTransport', { transportId: 7 }],
    ['join', { peers: 'none' }],
  ])('survives a malformed answer to %s', async (method, answer) => {
    const { server, session } = setUp();
    server.answers[method] = () => answer;
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(session.connection.status).toBe('connecting');
    expect(server.socket.isClosedByClient).toBe(true);
  });
});

/** The pod of `server` keeps the session of its newest socket. */
function greets(server: FakeServer, data: { resumed: boolean; received: number }): void {
  server.notifies('session', { id: 'abc', resumeSeconds: 15, ...data });
}

describe('interruptions', () => {
  it('of signaling are reported after 2 s and end without a rejoin', async () => {
    const { server, session, events } = setUp();
    session.start();
    server.socket.serverOpens();
    greets(server, { resumed: false, received: 0 });
    await settle();
    session.watch(['bob']);
    const sent = server.socket.sent.length;
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(2000);
    expect(session.connection).toEqual({ status: 'interrupted', what: 'signaling' });
    server.socket.serverOpens();
    greets(server, { resumed: true, received: sent });
    await settle();
    expect(statuses(events)).toEqual(['connecting', 'connected', 'interrupted', 'connected']);
    session.watch(['bob']);
    expect(['join', 'setWatchedPeers'].map((method) => server.sent(method).length)).toEqual([1, 1]);
  });

  it('of media in either direction are reported until media is back', async () => {
    const { server, session, path, events } = await joined();
    path.becomes('send', 'disconnected');
    path.becomes('recv', 'disconnected');
    expect(session.connection).toEqual({ status: 'interrupted', what: 'media' });
    await settle();
    expect(server.sent('restartIce')).toHaveLength(2);
    path.becomes('send', 'connected');
    expect(session.connection.status).toBe('interrupted');
    path.becomes('recv', 'connected');
    expect(statuses(events)).toEqual(['connecting', 'connected', 'interrupted', 'connected']);
  });

  it('of media are not repaired without signaling, and end in a rejoin if repairs fail', async () => {
    const { server, path, session } = await joined();
    delete server.answers['restartIce'];
    path.becomes('send', 'disconnected');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(session.connection.status).toBe('interrupted');
    await vi.advanceTimersByTimeAsync(3000);
    expect([session.connection.status, server.sockets.length]).toEqual(['reconnecting', 2]);
  });

  it('by unanswered media requests end in a rejoin, so that no participant stays invisible', async () => {
    const { server, local, session } = await joined();
    delete server.answers['produce'];
    local.turnOff('camera');
    await local.turnOn('camera');
    await vi.advanceTimersByTimeAsync(23_000);
    expect([session.connection.status, server.sockets.length]).toEqual(['reconnecting', 2]);
    const other = await joined();
    delete other.server.answers['connectWebRtcTransport'];
    other.server.offersConsumer(1, consumerOffer('bob', 'video'));
    await vi.advanceTimersByTimeAsync(23_000);
    expect([other.session.connection.status, other.server.sockets.length]).toEqual(['reconnecting', 2]);
  });

  it('of media from the start are reported after 10 s, and fail after three joins', async () => {
    const { server, session } = await joined(true);
    await vi.advanceTimersByTimeAsync(9999);
    expect(session.connection.status).toBe('connected');
    await vi.advanceTimersByTimeAsync(1);
    expect(session.connection).toEqual({ status: 'interrupted', what: 'media' });
    for (let join = 2; join <= 3; join += 1) {
      await vi.advanceTimersByTimeAsync(8000);
      expect(session.connection.status).toBe('reconnecting');
      server.socket.serverOpens();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(session.connection).toEqual({ status: 'interrupted', what: 'media' });
    }
    await vi.advanceTimersByTimeAsync(8000);
    expect(session.connection).toMatchObject({ status: 'failed', error: { code: 'media-unreachable' } });
  });
});

describe('the readiness reported by the router', () => {
  interface Word {
    say: (isReady: boolean) => void;
    watches: number;
    ends: number;
  }

  async function lostTwice(): Promise<Setup & { word: Word }> {
    const word: Word = { say: () => undefined, watches: 0, ends: 0 };
    const watchReadiness = (listener: (isReady: boolean) => void): (() => void) => {
      word.say = listener;
      word.watches += 1;
      return () => (word.ends += 1);
    };
    const setup = await joined(false, { watchReadiness });
    setup.server.socket.serverCloses(1006);
    setup.server.socket.serverCloses(1006);
    return { ...setup, word };
  }

  it('ends the backoff as soon as the meeting is ready, and is watched only until rejoined', async () => {
    const { server, word, session } = await lostTwice();
    word.say(false);
    expect(server.sockets).toHaveLength(2);
    word.say(true);
    expect(server.sockets).toHaveLength(3);
    server.socket.serverOpens();
    await settle();
    expect([session.connection.status, word.watches, word.ends]).toEqual(['connected', 1, 1]);
  });

  it('that arrives during an attempt ends the backoff after it', async () => {
    const { server, word } = await lostTwice();
    word.say(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets).toHaveLength(3);
    word.say(true);
    server.socket.serverCloses(1006);
    expect(server.sockets).toHaveLength(4);
  });

  it('that is wrong has an effect once', async () => {
    const { server, word } = await lostTwice();
    word.say(true);
    server.socket.serverCloses(1006);
    word.say(true);
    expect(server.sockets).toHaveLength(3);
  });
});

describe('losing and ending', () => {
  it('rejoins over a new connection with the same devices', async () => {
    const { server, devices, events } = await joined();
    server.socket.serverCloses(1012, 'moved');
    expect(server.sockets).toHaveLength(2);
    server.socket.serverOpens();
    await settle();
    expect(statuses(events)).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
    expect(server.sent('produce')).toHaveLength(4);
    expect(devices.opened).toHaveLength(2);
  });

  it('keeps the last frames until the others had time to return', async () => {
    const { server, events } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    const added = events.find((one) => one.type === 'trackAdded');
    const track = added?.type === 'trackAdded' ? added.remote.track : undefined;
    server.socket.serverCloses(1006);
    server.socket.serverOpens();
    await settle();
    await vi.advanceTimersByTimeAsync(LAST_FRAMES_KEPT_MS - 1);
    expect(track?.readyState).toBe('live');
    await vi.advanceTimersByTimeAsync(1);
    expect(track?.readyState).toBe('ended');
    expect(events.at(-1)).toEqual({ type: 'lastFramesDropped' });
  });

  it('keeps them over failed attempts, and drops them when it gives up', async () => {
    const { server, session, events } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    const added = events.find((one) => one.type === 'trackAdded');
    const track = added?.type === 'trackAdded' ? added.remote.track : undefined;
    server.socket.serverCloses(1006);
    for (let attempt = 1; attempt < 11; attempt += 1) {
      expect([session.connection.status, track?.readyState]).toEqual(['reconnecting', 'live']);
      server.socket.serverCloses(1006);
      await vi.advanceTimersByTimeAsync(8000);
    }
    server.socket.serverCloses(1006);
    expect([session.connection.status, track?.readyState]).toEqual(['failed', 'ended']);
  });

  it('ends for good on 4000', async () => {
    const { server, session } = await joined();
    server.socket.serverCloses(4000, 'meeting ended');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(session.connection).toEqual({ status: 'closed', cause: 'meeting-ended', reason: 'meeting ended' });
    expect(server.sockets).toHaveLength(1);
  });

  it('leaving closes the socket and ignores everything after it, but leaves the devices open', async () => {
    const { server, session, devices, local } = await joined();
    session.leave();
    expect(server.socket.isClosedByClient).toBe(true);
    expect(session.connection).toMatchObject({ status: 'closed', cause: 'left' });
    expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['live', 'live']);
    const sent = server.socket.sent.length;
    local.turnOff('camera');
    await settle();
    expect(server.socket.sent).toHaveLength(sent);
  });
});
