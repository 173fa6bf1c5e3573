import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeHandler } from 'mediasoup-client';
import { asked, methods, notifies, offers, onBoth, produced, roomEvents } from '../../../test-support/moving-setup';
import type { FakeSocket } from '../../../test-support/fake-socket';
import { settle, statuses } from '../../../test-support/session-setup';
import { RequestRefused } from '../../signaling/protoo';
import { LINGER_MS } from './move';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

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

  it('a camera of another size goes on where no new stream is accepted', async () => {
    const { server, old, local, devices } = await onBoth();
    server.answers['produce'] = () => new RequestRefused('produce', 409, 'moving');
    devices.cameraSize = { width: 640, height: 360 };
    await local.choose('camera', 'cam-2');
    await settle();
    const closed = (socket: FakeSocket): boolean => methods(socket).includes('closeProducer');
    expect([closed(old), closed(server.socket), produced(old)]).toEqual([false, true, ['audio', 'video']]);
  });

  it('what moderators mute is muted for both', async () => {
    const { server, old, local, session } = await onBoth();
    session.subscribe((event) => {
      if (event.type === 'mutedByModerator') local.turnOff('microphone');
    });
    notifies(server.socket, 'mutedByModerator', { source: 'audio' });
    await settle();
    expect([old, server.socket].map((socket) => methods(socket).filter((method) => method === 'pauseProducer').length)).toEqual([1, 1]);
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

  it('sends more than the smallest layer if the move ends while a video is negotiated', async () => {
    const setup = await asked();
    setup.path.limitation = 'cpu';
    let answer: () => void = () => undefined;
    const send = vi.spyOn(FakeHandler.prototype, 'send').mockImplementationOnce(async function (this: FakeHandler, stream) {
      await new Promise<void>((resolve) => (answer = resolve));
      return this.send(stream);
    });
    setup.server.socket.serverOpens();
    await settle();
    notifies(setup.old, 'over');
    await settle();
    expect(setup.path.limits).toEqual([]);
    answer();
    await settle();
    send.mockRestore();
    expect(setup.path.limits).toEqual([2]);
  });

  describe('with a codec that the CPU may not keep up with', () => {
    const encodingInfo = (): Promise<MediaCapabilitiesEncodingInfo> =>
      Promise.resolve({ supported: true, smooth: true, powerEfficient: true } as MediaCapabilitiesEncodingInfo);
    const VP9 = { codecEnvironment: { cores: 8, encodingInfo } };
    const closed = (socket: FakeSocket): number => methods(socket).filter((method) => method === 'closeProducer').length;

    it('does not give it up for the load of sending twice', async () => {
      const setup = await onBoth(VP9);
      setup.path.limitation = 'cpu';
      await vi.advanceTimersByTimeAsync(60_000);
      expect([closed(setup.old), closed(setup.server.socket)]).toEqual([0, 0]);
      notifies(setup.old, 'over');
      await vi.advanceTimersByTimeAsync(60_000);
      expect([closed(setup.old), closed(setup.server.socket)]).toEqual([0, 1]);
    });
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
