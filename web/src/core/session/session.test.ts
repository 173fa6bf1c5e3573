import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDevices, FakeMediaPath } from '../../test-support/fake-media';
import { consumerOffer, FakeServer } from '../../test-support/fake-server';
import { silentLog } from '../log';
import { LocalMedia } from '../media/local-media';
import { RequestRefused } from '../signaling/protoo';
import type { SessionNews } from './events';
import { openRoute } from './connection/route';
import { LAST_PICTURES_KEPT_MS, Session, type SessionOptions } from './session';

interface Setup {
  server: FakeServer;
  devices: FakeDevices;
  local: LocalMedia;
  path: FakeMediaPath;
  session: Session;
  news: SessionNews[];
  /** What the session wrote for developers. */
  noted: string[];
}

function setUp(change: Partial<SessionOptions> = {}): Setup {
  const server = new FakeServer();
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  const path = new FakeMediaPath();
  const noted: string[] = [];
  const session = new Session({
    findRoute: () => openRoute('ws://pod/signal/team/hello?peerId=abcdefgh'),
    displayName: 'Ada',
    localMedia: local,
    log: { ...silentLog, info: (message) => noted.push(message) },
    userAgent: 'Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36',
    createDevice: path.createDevice,
    openSocket: server.openSocket,
    ...change,
  });
  const news: SessionNews[] = [];
  session.subscribe((one) => news.push(one));
  return { server, devices, local, path, session, news, noted };
}

/** Lets everything that needs no time happen. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function joined(isBlocked = false, change: Partial<SessionOptions> = {}): Promise<Setup> {
  const setup = setUp(change);
  setup.path.isBlocked = isBlocked;
  await setup.local.turnOn('microphone');
  await setup.local.turnOn('camera');
  setup.session.start();
  setup.server.socket.serverOpens();
  await settle();
  return setup;
}

const statuses = (news: SessionNews[]): string[] => news.flatMap((one) => (one.type === 'connection' ? [one.connection.status] : []));

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('joining', () => {
  it('goes the way of the demo protocol', async () => {
    const { server, news } = await joined();
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
    expect(statuses(news)).toEqual(['connecting', 'connected']);
  });

  it('sends microphone and camera with their source', async () => {
    const { server } = await joined();
    expect(server.sent('produce').map(({ data }) => data)).toEqual([
      expect.objectContaining({ kind: 'audio', appData: { source: 'audio' } }),
      expect.objectContaining({ kind: 'video', appData: { source: 'video' } }),
    ]);
    const video = server.sent('produce')[1]?.['data'] as { rtpParameters: { encodings: unknown[]; codecs: { mimeType: string }[] } };
    expect(video.rtpParameters.encodings).toHaveLength(3);
    expect(video.rtpParameters.codecs[0]?.mimeType.toLowerCase()).toBe('video/vp8');
  });

  it('works without any device', async () => {
    const { server, session, news } = setUp();
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(statuses(news)).toEqual(['connecting', 'connected']);
    expect(server.sent('produce')).toEqual([]);
  });

  it('tries again when the server refuses, with the same peer id', async () => {
    const { server, session } = setUp();
    server.answers['join'] = () => new Error('not now');
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(session.connection).toMatchObject({ status: 'connecting' });
    expect(server.socket.isClosedByClient).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets.map(({ url }) => url)).toEqual(Array(2).fill('ws://pod/signal/team/hello?peerId=abcdefgh&session=new'));
  });

  it.each([
    [403, 'the meeting is locked', { status: 'closed', cause: 'meeting-locked' }],
    [403, 'the meeting is full', { status: 'closed', cause: 'meeting-full' }],
    [403, 'you may not receive what others send', { status: 'failed', error: { code: 'access-refused' } }],
    [400, 'rtpCapabilities.codecs: too many', { status: 'failed', error: { code: 'join-refused' } }],
    [413, 'too large', { status: 'failed', error: { code: 'join-refused' } }],
    [409, 'this connection has been replaced', { status: 'connecting' }],
    [429, 'too many requests', { status: 'connecting' }],
  ])('a join that is refused with %i "%s" ends the session only where trying again is of no use', async (status, reason, connection) => {
    const { server, session } = setUp();
    server.answers['join'] = () => new RequestRefused('join', status, reason);
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(session.connection).toMatchObject(connection);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets).toHaveLength(connection.status === 'connecting' ? 2 : 1);
  });

  it('that is refused all the time fails with words about the meeting', async () => {
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
    ['join', { peers: 'nobody' }],
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

describe('one\'s own media', () => {
  it('muting pauses the producer, unmuting resumes it', async () => {
    const { server, local } = await joined();
    local.turnOff('microphone');
    await settle();
    await local.turnOn('microphone');
    await settle();
    const data = { producerId: 'producer-of-audio' };
    expect(server.socket.sent.slice(-2)).toEqual([
      { notification: true, method: 'pauseProducer', data },
      { notification: true, method: 'resumeProducer', data },
    ]);
  });

  it('a mute while another microphone opens is told at once', async () => {
    const { server, local, devices } = await joined();
    devices.isAsking = true;
    void local.choose('microphone', 'mic-2');
    local.turnOff('microphone');
    await settle();
    expect(server.socket.sent.at(-1)).toEqual({ notification: true, method: 'pauseProducer', data: { producerId: 'producer-of-audio' } });
    void local.turnOn('microphone');
    await settle();
    expect(server.sent('resumeProducer')).toEqual([]);
    devices.answer();
    await settle();
    expect(server.sent('resumeProducer')).toHaveLength(1);
  });

  it('that the system silences is paused until it comes through again', async () => {
    const { server, devices } = await joined();
    const microphone = devices.opened[0]?.track;
    for (const [isMuted, method] of [[true, 'pauseProducer'], [false, 'resumeProducer']] as const) {
      Object.defineProperty(microphone, 'muted', { value: isMuted, configurable: true });
      microphone?.dispatchEvent(new Event(isMuted ? 'mute' : 'unmute'));
      await settle();
      expect(server.socket.sent.at(-1)).toMatchObject({ method, data: { producerId: 'producer-of-audio' } });
    }
  });

  it('camera off closes the producer and frees the camera; on again makes a new one', async () => {
    const { server, local, devices } = await joined();
    local.turnOff('camera');
    await settle();
    expect(server.socket.sent.at(-1)).toMatchObject({ method: 'closeProducer', data: { producerId: 'producer-of-video' } });
    expect(devices.opened.find(({ kind }) => kind === 'camera')?.track.readyState).toBe('ended');
    await local.turnOn('camera');
    await settle();
    expect(server.sent('produce')).toHaveLength(3);
  });

  it('that the server refuses is told, and the call goes on', async () => {
    const { server, local, session, news } = setUp();
    server.answers['produce'] = () => new Error('no');
    await local.turnOn('microphone');
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(news).toContainEqual(expect.objectContaining({ type: 'publishFailed', kind: 'microphone' }));
    expect(session.connection.status).toBe('connected');
  });

  it('the camera is sent anew where nothing of it arrives, ever more seldom', async () => {
    const { server } = await joined();
    const score = (value: number): void => server.notifies('producerScore', { producerId: 'producer-of-video', score: [{ encodingIdx: 0, ssrc: 1, score: value }] });
    const pictures = (): number => server.sent('produce').filter(({ data }) => JSON.stringify(data).includes('"kind":"video"')).length;
    score(0);
    await vi.advanceTimersByTimeAsync(7000);
    score(10);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pictures()).toBe(1);
    score(0);
    await vi.advanceTimersByTimeAsync(8000);
    expect([pictures(), server.sent('closeProducer').length]).toEqual([2, 1]);
    score(0);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(pictures()).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(pictures()).toBe(3);
  });

  it('that was muted stays muted over a reconnect', async () => {
    const { server, local } = await joined();
    local.turnOff('microphone');
    server.socket.serverCloses(1012);
    server.socket.serverOpens();
    await settle();
    expect(server.socket.sent.at(-1)).toMatchObject({ method: 'pauseProducer' });
  });
});

describe('other people\'s media', () => {
  it('is consumed, then accepted', async () => {
    const { server, news } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    expect(server.answerTo(1)).toMatchObject({ ok: true });
    expect(news).toContainEqual({
      type: 'trackAdded',
      remote: expect.objectContaining({ consumerId: 'bob-video', peerId: 'bob', kind: 'video', source: 'video', isPaused: false }) as unknown,
    });
  });

  it('that cannot be received is refused, and the rest goes on', async () => {
    const { server, news } = await joined();
    server.offersConsumer(1, { ...consumerOffer('bob', 'video'), kind: 'smell' });
    server.offersConsumer(2, { ...consumerOffer('bob', 'video'), rtpParameters: { codecs: 'none' } });
    server.offersConsumer(3, consumerOffer('bob', 'audio'));
    await settle();
    expect([1, 2, 3].map((id) => server.answerTo(id)?.['ok'])).toEqual([false, false, true]);
    expect(news.filter(({ type }) => type === 'trackAdded')).toHaveLength(1);
  });

  it('follows pauses and closings, also of what is still being made', async () => {
    const { server, news } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'audio', 'closed-early'));
    server.notifies('consumerClosed', { consumerId: 'closed-early' });
    server.offersConsumer(2, consumerOffer('bob', 'video', 'stays'));
    server.notifies('consumerPaused', { consumerId: 'stays' });
    await settle();
    server.notifies('consumerResumed', { consumerId: 'stays' });
    server.notifies('consumerClosed', { consumerId: 'stays' });
    server.notifies('consumerClosed', { consumerId: 'stays' });
    expect(news.filter(({ type }) => type.startsWith('track'))).toEqual([
      { type: 'trackRemoved', consumerId: 'closed-early' },
      { type: 'trackAdded', remote: expect.objectContaining({ consumerId: 'stays', isPaused: true }) as unknown },
      { type: 'trackPaused', consumerId: 'stays', isPaused: false },
      { type: 'trackRemoved', consumerId: 'stays' },
    ]);
  });

  it('may be less than they send, which is told', async () => {
    const { server, news } = await joined();
    server.notifies('peerSends', { peerId: 'bob', sends: { audio: false, video: true, share: false } });
    expect(news.at(-1)).toEqual({ type: 'peerSends', peerId: 'bob', sends: { audio: false, video: true, share: false } });
  });

  it('comes first from those who are watched: told once, and anew to a server that has forgotten', async () => {
    const { server, session } = await joined();
    const told = (): unknown[] => server.sent('setWatchedPeers').map(({ data }) => data);
    session.watch(['bob', 'cy']);
    session.watch(['bob', 'cy']);
    expect(told()).toEqual([{ peerIds: ['bob', 'cy'] }]);
    server.socket.serverCloses(1012, 'moved');
    session.watch(['bob', 'cy']);
    server.socket.serverOpens();
    session.watch(['bob', 'cy']);
    expect(told()).toHaveLength(1);
    await settle();
    session.watch(['bob', 'cy']);
    expect(told()).toHaveLength(2);
  });

  it('malformed and unknown notifications change nothing', async () => {
    const { server, news, session } = await joined();
    const before = news.length;
    server.notifies('newPeer', {});
    server.notifies('newPeer', { peer: { peerId: 7 } });
    server.notifies('speakingPeers', { peerVolumes: [{ peerId: 'bob' }] });
    server.notifies('consumerPaused', {});
    server.notifies('constructor', {});
    server.notifies('downlinkBwe', { desiredBitrate: 1 });
    expect(news).toHaveLength(before);
    expect(session.connection.status).toBe('connected');
  });

  it('what a newer server sends all the time is noted once', async () => {
    const { server, noted } = await joined();
    for (let second = 0; second < 3; second += 1) server.notifies('fromTheFuture', { second });
    expect(noted.filter((one) => one.includes('fromTheFuture'))).toHaveLength(1);
  });
});

/** The pod of `server` keeps the session of its newest socket. */
function greets(server: FakeServer, data: { resumed: boolean; received: number }): void {
  server.notifies('session', { id: 'abc', resumeSeconds: 15, ...data });
}

describe('interruptions', () => {
  it('of signaling are told after 2 s and end by themselves; nobody has to join again', async () => {
    const { server, session, news } = setUp();
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
    expect(statuses(news)).toEqual(['connecting', 'connected', 'interrupted', 'connected']);
    session.watch(['bob']);
    expect(['join', 'setWatchedPeers'].map((method) => server.sent(method).length)).toEqual([1, 1]);
  });

  it('of media are told until media comes through again, whichever direction it is', async () => {
    const { server, session, path, news } = await joined();
    path.becomes('send', 'disconnected');
    path.becomes('recv', 'disconnected');
    expect(session.connection).toEqual({ status: 'interrupted', what: 'media' });
    await settle();
    expect(server.sent('restartIce')).toHaveLength(2);
    path.becomes('send', 'connected');
    expect(session.connection.status).toBe('interrupted');
    path.becomes('recv', 'connected');
    expect(statuses(news)).toEqual(['connecting', 'connected', 'interrupted', 'connected']);
  });

  it('of media are not mended in vain while nothing can be asked, and end in a new join where asking does not help', async () => {
    const { server, path, session } = await joined();
    delete server.answers['restartIce'];
    path.becomes('send', 'disconnected');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(session.connection.status).toBe('interrupted');
    await vi.advanceTimersByTimeAsync(3000);
    expect([session.connection.status, server.sockets.length]).toEqual(['reconnecting', 2]);
  });

  it('by questions about media that are never answered end in a new join, so that nobody stays unseen', async () => {
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

  it('of media from the very beginning are told after 10 s, and said to be for good after three joins', async () => {
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

describe('a picture that is looked at and does not come', () => {
  const wish = { consumerId: 'bob-video', isHidden: false, spatialLayer: 2, temporalLayer: 2, priority: 80 };

  async function watching(): Promise<Setup> {
    const setup = await joined();
    setup.server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    setup.session.receive([wish]);
    return setup;
  }

  const stalls = (news: SessionNews[]): boolean[] => news.flatMap((one) => (one.type === 'trackStalled' ? [one.isStalled] : []));

  it('is told and mended, in the end by a new join', async () => {
    const { server, news, session } = await watching();
    await vi.advanceTimersByTimeAsync(6000);
    expect([stalls(news), server.sent('requestConsumerKeyFrame').map(({ data }) => data)]).toEqual([[true], [{ consumerId: 'bob-video' }]]);
    await vi.advanceTimersByTimeAsync(8000);
    expect([server.sent('restartIce').length, session.connection.status]).toEqual([1, 'connected']);
    await vi.advanceTimersByTimeAsync(7000);
    expect([server.sockets.length, session.connection.status]).toEqual([2, 'reconnecting']);
  });

  it.each([
    ['held back by its sender', (server: FakeServer) => server.notifies('consumerPaused', { consumerId: 'bob-video' })],
    ['gone', (server: FakeServer) => server.notifies('consumerClosed', { consumerId: 'bob-video' })],
  ])('is not missed once it is %s', async (_case, act) => {
    const { server, news } = await watching();
    await vi.advanceTimersByTimeAsync(4100);
    act(server);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stalls(news), server.sockets.length]).toEqual([[true, false], 1]);
  });

  it('is not missed where nobody looks, nor while the connection is mended', async () => {
    const { session, news, path, server } = await watching();
    session.receive([{ ...wish, isHidden: true }]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(stalls(news)).toEqual([]);
    session.receive([wish]);
    path.becomes('recv', 'disconnected');
    await vi.advanceTimersByTimeAsync(7000);
    expect([stalls(news), server.sent('requestConsumerKeyFrame')]).toEqual([[], []]);
  });

  it.each([
    ['its sender sends nothing', (server: FakeServer) => server.notifies('consumerScore', { consumerId: 'bob-video', score: { score: 10, producerScore: 0, producerScores: [0, 0] } })],
    ['there is no bandwidth for it', (server: FakeServer) => server.notifies('consumerLayersChanged', { consumerId: 'bob-video', spatialLayer: null, temporalLayer: null })],
  ])('because %s is told, and costs the others nothing', async (_case, act) => {
    const { server, news } = await watching();
    act(server);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stalls(news), server.sent('restartIce').length, server.sockets.length]).toEqual([[true], 0, 1]);
  });
});

describe('the word of the router', () => {
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

  it('ends a wait as soon as the meeting is ready, and is listened to only until one is in again', async () => {
    const { server, word, session } = await lostTwice();
    word.say(false);
    expect(server.sockets).toHaveLength(2);
    word.say(true);
    expect(server.sockets).toHaveLength(3);
    server.socket.serverOpens();
    await settle();
    expect([session.connection.status, word.watches, word.ends]).toEqual(['connected', 1, 1]);
  });

  it('that comes while an attempt runs ends the wait after it', async () => {
    const { server, word } = await lostTwice();
    word.say(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.sockets).toHaveLength(3);
    word.say(true);
    server.socket.serverCloses(1006);
    expect(server.sockets).toHaveLength(4);
  });

  it('that is wrong is believed once', async () => {
    const { server, word } = await lostTwice();
    word.say(true);
    server.socket.serverCloses(1006);
    word.say(true);
    expect(server.sockets).toHaveLength(3);
  });
});

describe('losing and ending', () => {
  it('comes back over a new connection with the same devices', async () => {
    const { server, devices, news } = await joined();
    server.socket.serverCloses(1012, 'moved');
    expect(server.sockets).toHaveLength(2);
    server.socket.serverOpens();
    await settle();
    expect(statuses(news)).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
    expect(server.sent('produce')).toHaveLength(4);
    expect(devices.opened).toHaveLength(2);
  });

  it('keeps the old pictures until everybody had time to come back', async () => {
    const { server, news } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    const added = news.find((one) => one.type === 'trackAdded');
    const track = added?.type === 'trackAdded' ? added.remote.track : undefined;
    server.socket.serverCloses(1006);
    server.socket.serverOpens();
    await settle();
    await vi.advanceTimersByTimeAsync(LAST_PICTURES_KEPT_MS - 1);
    expect(track?.readyState).toBe('live');
    await vi.advanceTimersByTimeAsync(1);
    expect(track?.readyState).toBe('ended');
    expect(news.at(-1)).toEqual({ type: 'lastPicturesGone' });
  });

  it('keeps them over attempts that fail, and drops them when it gives up', async () => {
    const { server, session, news } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    const added = news.find((one) => one.type === 'trackAdded');
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

  it('leaving closes the socket and hears nothing more, but leaves the devices open', async () => {
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

it('a shared screen is sent with its sound, beside the camera, and taken back when it ends', async () => {
  const { server, local } = await joined();
  await local.shareScreen();
  await settle();
  const sent = server.sent('produce').map(({ data }) => data as { kind: string; appData: unknown });
  expect(sent.slice(2)).toEqual([
    expect.objectContaining({ kind: 'video', appData: { source: 'screensharing' } }),
    expect.objectContaining({ kind: 'audio', appData: { source: 'screensharing' } }),
  ]);
  local.stopScreen();
  await settle();
  expect(server.sent('closeProducer')).toHaveLength(2);
});
