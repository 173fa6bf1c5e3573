import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeHandler } from 'mediasoup-client';
import { consumerOffer, FakeServer } from '../../test-support/fake-server';
import type { SessionEvent } from './events';
import { type Setup, setUp, settle, joined } from '../../test-support/session-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('local media', () => {
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

  describe('that is muted', () => {
    const announced = ({ server }: Setup): unknown[] => server.sent('produce').map(({ data }) => (data as { paused?: boolean }).paused);
    const changes = ({ server }: Setup): unknown[] => server.socket.sent.flatMap(({ method }) => (String(method).endsWith('eProducer') ? [method] : []));

    it('is announced as paused, and paused again for servers that ignore it', async () => {
      const setup = setUp();
      await setup.local.turnOn('microphone');
      setup.local.turnOff('microphone');
      setup.session.start();
      setup.server.socket.serverOpens();
      await settle();
      expect([announced(setup), changes(setup)]).toEqual([[true], ['pauseProducer']]);
    });

    it('is on from the start if it is not muted', async () => {
      expect(announced(await joined())).toEqual([undefined, undefined]);
    });
  });

  it('muting while another microphone opens is sent at once', async () => {
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

  it('that the system interrupts is paused until it resumes', async () => {
    const { server, devices } = await joined();
    const microphone = devices.opened[0]?.track;
    for (const [isMuted, method] of [
      [true, 'pauseProducer'],
      [false, 'resumeProducer'],
    ] as const) {
      Object.defineProperty(microphone, 'muted', { value: isMuted, configurable: true });
      microphone?.dispatchEvent(new Event(isMuted ? 'mute' : 'unmute'));
      await settle();
      expect(server.socket.sent.at(-1)).toMatchObject({ method, data: { producerId: 'producer-of-audio' } });
    }
  });

  it('turning the camera off closes the producer and releases the camera; turning it on creates a new one', async () => {
    const { server, local, devices } = await joined();
    local.turnOff('camera');
    await settle();
    expect(server.socket.sent.at(-1)).toMatchObject({ method: 'closeProducer', data: { producerId: 'producer-of-video' } });
    expect(devices.opened.find(({ kind }) => kind === 'camera')?.track.readyState).toBe('ended');
    await local.turnOn('camera');
    await settle();
    expect(server.sent('produce')).toHaveLength(3);
  });

  it('of a camera with another size is encoded for that size, of one with the same size it goes on', async () => {
    const { server, local, devices } = await joined();
    const switchTo = async (deviceId: string, width: number, height: number): Promise<void> => {
      devices.cameraSize = { width, height };
      await local.choose('camera', deviceId);
      await settle();
    };
    const layers = (): number[] =>
      server
        .sent('produce')
        .map(({ data }) => data as { kind: string; rtpParameters: { encodings: unknown[] } })
        .filter(({ kind }) => kind === 'video')
        .map(({ rtpParameters }) => rtpParameters.encodings.length);
    await switchTo('cam-2', 1280, 720);
    expect([layers(), server.sent('closeProducer')]).toEqual([[3], []]);
    await switchTo('cam-3', 640, 360);
    expect([layers(), server.sent('closeProducer').length]).toEqual([[3, 2], 1]);
  });

  it('is sent after the offers that came with the join were taken', async () => {
    const setup = setUp();
    await setup.local.turnOn('camera');
    const order: string[] = [];
    const receive = vi.spyOn(FakeHandler.prototype, 'receive').mockImplementationOnce(async function (this: FakeHandler, offers) {
      order.push(`receives ${offers.length}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push('received');
      return this.receive(offers);
    });
    setup.session.start();
    setup.server.socket.serverOpens();
    setup.server.answers['produce'] = () => {
      order.push('produce');
      return { producerId: 'producer-of-video' };
    };
    setup.server.answers['join'] = () => {
      queueMicrotask(() => {
        setup.server.offersConsumer(1, consumerOffer('bob', 'audio'));
        setup.server.offersConsumer(2, consumerOffer('bob', 'video'));
      });
      return { peers: [] };
    };
    await vi.advanceTimersByTimeAsync(100);
    receive.mockRestore();
    expect(order).toEqual(['receives 2', 'received', 'produce']);
  });

  it('waits for the first offer if a participant sends', async () => {
    const setup = setUp();
    await setup.local.turnOn('camera');
    setup.server.answers['join'] = () => ({ peers: [{ peerId: 'bob', displayName: 'Bob', sends: { audio: false, video: true, share: false } }] });
    setup.session.start();
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(200);
    expect(setup.server.sent('produce')).toEqual([]);
    setup.server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    expect(setup.server.sent('produce')).toHaveLength(1);
  });

  it('does not wait for offers for long', async () => {
    const setup = setUp();
    await setup.local.turnOn('camera');
    setup.server.answers['join'] = () => {
      queueMicrotask(() => setup.server.offersConsumer(1, consumerOffer('bob', 'video')));
      return { peers: [] };
    };
    const receive = vi.spyOn(FakeHandler.prototype, 'receive').mockImplementation(() => new Promise(() => undefined));
    setup.session.start();
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(299);
    expect(setup.server.sent('produce')).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    receive.mockRestore();
    expect(setup.server.sent('produce')).toHaveLength(1);
  });

  it('that the server rejects is reported, and the call continues', async () => {
    const { server, local, session, events } = setUp();
    server.answers['produce'] = () => new Error('no');
    await local.turnOn('microphone');
    session.start();
    server.socket.serverOpens();
    await settle();
    expect(events).toContainEqual(expect.objectContaining({ type: 'publishFailed', kind: 'microphone' }));
    expect(session.connection.status).toBe('connected');
  });

  it("the camera's producer is restarted if nothing arrives, less often each time", async () => {
    const { server } = await joined();
    const score = (value: number): void =>
      server.notifies('producerScore', { producerId: 'producer-of-video', score: [{ encodingIdx: 0, ssrc: 1, score: value }] });
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

describe('remote media', () => {
  it('is consumed, then accepted', async () => {
    const { server, events } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    expect(server.answerTo(1)).toMatchObject({ ok: true });
    expect(events).toContainEqual({
      type: 'trackAdded',
      remote: expect.objectContaining({ consumerId: 'bob-video', peerId: 'bob', kind: 'video', source: 'video', isPaused: false }) as unknown,
    });
  });

  it('that cannot be received is rejected, and the rest continues', async () => {
    const { server, events } = await joined();
    server.offersConsumer(1, { ...consumerOffer('bob', 'video'), kind: 'smell' });
    server.offersConsumer(2, { ...consumerOffer('bob', 'video'), rtpParameters: { codecs: 'none' } });
    server.offersConsumer(3, consumerOffer('bob', 'audio'));
    await settle();
    expect([1, 2, 3].map((id) => server.answerTo(id)?.['ok'])).toEqual([false, false, true]);
    expect(events.filter(({ type }) => type === 'trackAdded')).toHaveLength(1);
  });

  it('follows pauses and closes, also of consumers being created', async () => {
    const { server, events } = await joined();
    server.offersConsumer(1, consumerOffer('bob', 'audio', 'closed-early'));
    server.notifies('consumerClosed', { consumerId: 'closed-early' });
    server.offersConsumer(2, consumerOffer('bob', 'video', 'stays'));
    server.notifies('consumerPaused', { consumerId: 'stays' });
    await settle();
    server.notifies('consumerResumed', { consumerId: 'stays' });
    server.notifies('consumerClosed', { consumerId: 'stays' });
    server.notifies('consumerClosed', { consumerId: 'stays' });
    expect(events.filter(({ type }) => type.startsWith('track'))).toEqual([
      { type: 'trackRemoved', consumerId: 'closed-early' },
      { type: 'trackAdded', remote: expect.objectContaining({ consumerId: 'stays', isPaused: true }) as unknown },
      { type: 'trackPaused', consumerId: 'stays', isPaused: false },
      { type: 'trackRemoved', consumerId: 'stays' },
    ]);
  });

  it('may be less than is sent, which is reported', async () => {
    const { server, events } = await joined();
    server.notifies('peerSends', { peerId: 'bob', sends: { audio: false, video: true, share: false } });
    expect(events.at(-1)).toEqual({ type: 'peerSends', peerId: 'bob', sends: { audio: false, video: true, share: false } });
  });

  it('comes first from watched peers, who are sent once and again after a rejoin', async () => {
    const { server, session } = await joined();
    const watched = (): unknown[] => server.sent('setWatchedPeers').map(({ data }) => data);
    session.watch(['bob', 'cy']);
    session.watch(['bob', 'cy']);
    expect(watched()).toEqual([{ peerIds: ['bob', 'cy'] }]);
    server.socket.serverCloses(1012, 'moved');
    session.watch(['bob', 'cy']);
    server.socket.serverOpens();
    session.watch(['bob', 'cy']);
    expect(watched()).toHaveLength(1);
    await settle();
    session.watch(['bob', 'cy']);
    expect(watched()).toHaveLength(2);
  });

  it('malformed and unknown notifications change nothing', async () => {
    const { server, events, session } = await joined();
    const before = events.length;
    server.notifies('newPeer', {});
    server.notifies('newPeer', { peer: { peerId: 7 } });
    server.notifies('speakingPeers', { peerVolumes: [{ peerId: 'bob' }] });
    server.notifies('consumerPaused', {});
    server.notifies('constructor', {});
    server.notifies('downlinkBwe', { desiredBitrate: 1 });
    expect(events).toHaveLength(before);
    expect(session.connection.status).toBe('connected');
  });

  it('unknown notifications are logged once', async () => {
    const { server, noted } = await joined();
    for (let second = 0; second < 3; second += 1) server.notifies('fromTheFuture', { second });
    expect(noted.filter((one) => one.includes('fromTheFuture'))).toHaveLength(1);
  });
});

describe('a visible video that does not arrive', () => {
  const wish = { consumerId: 'bob-video', isHidden: false, spatialLayer: 2, temporalLayer: 2, priority: 80 };

  async function watching(): Promise<Setup> {
    const setup = await joined();
    setup.server.offersConsumer(1, consumerOffer('bob', 'video'));
    await settle();
    setup.session.receive([wish]);
    return setup;
  }

  const stalls = (events: SessionEvent[]): boolean[] => events.flatMap((one) => (one.type === 'trackStalled' ? [one.isStalled] : []));

  it('is reported and repaired, finally by a rejoin', async () => {
    const { server, events, session } = await watching();
    await vi.advanceTimersByTimeAsync(6000);
    expect([stalls(events), server.sent('requestConsumerKeyFrame').map(({ data }) => data)]).toEqual([[true], [{ consumerId: 'bob-video' }]]);
    await vi.advanceTimersByTimeAsync(8000);
    expect([server.sent('restartIce').length, session.connection.status]).toEqual([1, 'connected']);
    await vi.advanceTimersByTimeAsync(7000);
    expect([server.sockets.length, session.connection.status]).toEqual([2, 'reconnecting']);
  });

  it.each([
    ['held back by its sender', (server: FakeServer) => server.notifies('consumerPaused', { consumerId: 'bob-video' })],
    ['gone', (server: FakeServer) => server.notifies('consumerClosed', { consumerId: 'bob-video' })],
  ])('is not expected once it is %s', async (_case, act) => {
    const { server, events } = await watching();
    await vi.advanceTimersByTimeAsync(4100);
    act(server);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stalls(events), server.sockets.length]).toEqual([[true, false], 1]);
  });

  it('is not expected while off screen, nor while the connection is repaired', async () => {
    const { session, events, path, server } = await watching();
    session.receive([{ ...wish, isHidden: true }]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(stalls(events)).toEqual([]);
    session.receive([wish]);
    path.becomes('recv', 'disconnected');
    await vi.advanceTimersByTimeAsync(7000);
    expect([stalls(events), server.sent('requestConsumerKeyFrame')]).toEqual([[], []]);
  });

  it.each([
    [
      'its sender sends nothing',
      (server: FakeServer) => server.notifies('consumerScore', { consumerId: 'bob-video', score: { score: 10, producerScore: 0, producerScores: [0, 0] } }),
    ],
    [
      'there is no bandwidth for it',
      (server: FakeServer) => server.notifies('consumerLayersChanged', { consumerId: 'bob-video', spatialLayer: null, temporalLayer: null }),
    ],
  ])('because %s is reported, and does not affect others', async (_case, act) => {
    const { server, events } = await watching();
    act(server);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stalls(events), server.sent('restartIce').length, server.sockets.length]).toEqual([[true], 0, 1]);
  });
});

it('a shared screen is sent with its audio, beside the camera, and closed when it ends', async () => {
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

describe('layers that no participant receives', () => {
  const limits = (spatialLayer: number, producerId = 'producer-of-video') => ['producerLayers', { producerId, spatialLayer }] as const;

  it('are not encoded until one does', async () => {
    const { server, path } = await joined();
    for (const layer of [1, 0, 2]) {
      server.notifies(...limits(layer));
      await settle();
    }
    expect(path.limits).toEqual([1, 0, 2]);
  });

  it('are encoded if they are requested again while the change is under way', async () => {
    const { server, path } = await joined();
    server.notifies(...limits(2));
    await settle();
    server.notifies(...limits(0));
    server.notifies(...limits(2));
    await settle();
    expect(path.limits).toEqual([2, 0, 2]);
  });

  it('are known before the producer exists', async () => {
    const { server, path, local, session } = setUp();
    await local.turnOn('camera');
    session.start();
    server.answers['produce'] = () => {
      server.notifies(...limits(0));
      return { producerId: 'producer-of-video' };
    };
    server.socket.serverOpens();
    await settle();
    expect(path.limits).toEqual([0]);
  });

  it('of a stream that this client does not send, or of sound, change nothing', async () => {
    const { server, path } = await joined();
    server.notifies(...limits(0, 'producer-of-another'));
    server.notifies(...limits(0, 'producer-of-audio'));
    await settle();
    expect(path.limits).toEqual([]);
  });
});
