import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asked, methods, notifies, offers, onBoth, type MovingSetup } from '../../../test-support/moving-setup';
import type { FakeSocket } from '../../../test-support/fake-socket';
import { joined, settle } from '../../../test-support/session-setup';
import { RequestRefused } from '../../signaling/protoo';
import { LAST_FRAMES_KEPT_MS } from '../last-frames';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('requests during a move', () => {
  const muted = (socket: FakeSocket): unknown[] => socket.sent.flatMap(({ method, data }) => (method === 'muteParticipant' ? [data] : []));
  const arrives = (socket: FakeSocket, peer: object = {}): void =>
    notifies(socket, 'newPeer', { peer: { peerId: 'ben', displayName: 'Ben', device: {}, ...peer } });
  const VOICE = { audio: true, video: false, share: false };

  it('are repeated after a reconnect that the move has caused', async () => {
    const setup = await asked({}, { deadlineSeconds: 0, ticket: 'lent' });
    setup.server.answers['raiseHand'] = () => new RequestRefused('raiseHand', 409, 'moving');
    const raising = setup.session.request('raiseHand', { raised: true });
    await settle();
    setup.server.answers['raiseHand'] = () => ({});
    setup.old.serverCloses(1012, 'the meeting moves');
    await vi.advanceTimersByTimeAsync(600);
    setup.server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(1000);
    await raising;
    expect(methods(setup.server.socket)).toContain('raiseHand');
  });

  it('wait until a reconnect that the move has caused has joined', async () => {
    const { server, session, old } = await asked({}, { deadlineSeconds: 0, ticket: 'lent' });
    server.answers['raiseHand'] = () => new RequestRefused('raiseHand', 409, 'moving');
    const raising = session.request('raiseHand', { raised: true });
    await settle();
    server.answers['raiseHand'] = () => ({});
    delete server.answers['join'];
    old.serverCloses(1012, 'the meeting moves');
    await vi.advanceTimersByTimeAsync(600);
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(2000);
    expect(methods(server.socket)).not.toContain('raiseHand');
    const [join] = server.socket.sent.filter(({ method }) => method === 'join');
    server.socket.serverSends({ response: true, id: join?.['id'], ok: true, data: { peers: [] } });
    await settle();
    await raising;
    expect(methods(server.socket)).toContain('raiseHand');
  });

  it('keep their order', async () => {
    const setup = await asked();
    setup.server.answers['sendChatMessage'] = () => new RequestRefused('sendChatMessage', 409, 'moving');
    const first = setup.session.say('one');
    await vi.advanceTimersByTimeAsync(300);
    const second = setup.session.say('two');
    await settle();
    setup.server.answers['sendChatMessage'] = () => ({ id: 1, sentAt: 1 });
    setup.server.socket.serverOpens();
    await settle();
    await Promise.all([first, second]);
    const said = setup.server.socket.sent.filter(({ method }) => method === 'sendChatMessage').map(({ data }) => (data as { text: string }).text);
    expect(said).toEqual(['one', 'two']);
  });

  it('about a participant wait until they have moved', async () => {
    const setup = await onBoth();
    setup.server.answers['removeParticipant'] = () => ({});
    const removing = setup.session.request('removeParticipant', { peerId: 'ben' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(setup.server.sent('removeParticipant')).toEqual([]);
    notifies(setup.server.socket, 'newPeer', { peer: { peerId: 'ben', displayName: 'Ben', device: {} } });
    await vi.advanceTimersByTimeAsync(1000);
    await removing;
    expect(methods(setup.server.socket)).toContain('removeParticipant');
  });

  describe('about a participant who has not moved when this client has', () => {
    const removed = ({ server }: Pick<MovingSetup, 'server'>): unknown[] => server.sent('removeParticipant').map(({ data }) => data);

    /** The removal of Ben was requested during the move, which has ended since. */
    async function removing(): Promise<MovingSetup & { removal: Promise<unknown> }> {
      const setup = await onBoth();
      setup.server.answers['removeParticipant'] = () => ({});
      const removal = setup.session.request('removeParticipant', { peerId: 'ben' });
      await settle();
      notifies(setup.old, 'over');
      await vi.advanceTimersByTimeAsync(LAST_FRAMES_KEPT_MS - 1000);
      return { ...setup, removal };
    }

    it('still wait until they have moved', async () => {
      const setup = await removing();
      expect(removed(setup)).toEqual([]);
      arrives(setup.server.socket);
      await vi.advanceTimersByTimeAsync(600);
      await setup.removal;
      expect(removed(setup)).toEqual([{ peerId: 'ben' }]);
    });

    it('are sent anyway once they are no longer displayed', async () => {
      const setup = await removing();
      await vi.advanceTimersByTimeAsync(1000);
      await setup.removal;
      expect(removed(setup)).toEqual([{ peerId: 'ben' }]);
    });

    it('wait for no one after a reconnect', async () => {
      const setup = await removing();
      setup.server.socket.serverCloses(1006);
      await settle();
      setup.server.socket.serverOpens();
      await settle();
      await setup.removal;
      expect(removed(setup)).toEqual([{ peerId: 'ben' }]);
    });

    it('follow one that mutes all participants', async () => {
      const { server, session, old } = await onBoth();
      server.answers['muteParticipant'] = () => ({});
      notifies(old, 'peerSends', { peerId: 'ben', sends: VOICE });
      notifies(old, 'over');
      await settle();
      await session.request('muteParticipant', { source: 'audio' });
      await vi.advanceTimersByTimeAsync(1000);
      arrives(server.socket, { sends: VOICE });
      await vi.advanceTimersByTimeAsync(1000);
      expect(muted(server.socket)).toEqual([{ source: 'audio' }, { peerId: 'ben', source: 'audio' }]);
    });
  });

  it('that mute all participants also reach those who move later, once they send', async () => {
    const { server, session, old } = await onBoth();
    server.answers['muteParticipant'] = () => ({});
    notifies(old, 'peerSends', { peerId: 'ben', sends: VOICE });
    await session.request('muteParticipant', { source: 'audio' });
    await vi.advanceTimersByTimeAsync(30_000);
    arrives(server.socket);
    await vi.advanceTimersByTimeAsync(1000);
    expect(muted(server.socket)).toEqual([{ source: 'audio' }]);
    notifies(server.socket, 'peerSends', { peerId: 'ben', sends: VOICE });
    await vi.advanceTimersByTimeAsync(1000);
    expect([muted(old), muted(server.socket)]).toEqual([[], [{ source: 'audio' }, { peerId: 'ben', source: 'audio' }]]);
  });

  it('that mute all participants reach each of them once, however often the old server refuses', async () => {
    const { server, session, old } = await asked();
    server.answers['muteParticipant'] = () => new RequestRefused('muteParticipant', 409, 'moving');
    notifies(old, 'peerSends', { peerId: 'ben', sends: VOICE });
    const muting = session.request('muteParticipant', { source: 'audio' });
    await vi.advanceTimersByTimeAsync(2000);
    server.answers['muteParticipant'] = () => ({});
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(1000);
    await muting;
    arrives(server.socket, { sends: VOICE });
    await vi.advanceTimersByTimeAsync(1000);
    expect(muted(server.socket)).toEqual([{ source: 'audio' }, { peerId: 'ben', source: 'audio' }]);
  });

  describe('that mute all participants do not mute those who were silent and move later', () => {
    const SILENCE = { ...VOICE, audio: false };

    it.each([
      ['during the move', onBoth],
      ['before the next server has joined', asked],
    ])('%s', async (_, begin) => {
      const { server, session, old } = await begin();
      server.answers['muteParticipant'] = () => new RequestRefused('muteParticipant', 409, 'moving');
      notifies(old, 'peerSends', { peerId: 'ben', sends: SILENCE });
      const muting = session.request('muteParticipant', { source: 'audio' });
      await settle();
      server.answers['muteParticipant'] = () => ({});
      notifies(old, 'peerSends', { peerId: 'ben', sends: VOICE });
      if (server.socket.readyState === 0) server.socket.serverOpens();
      await vi.advanceTimersByTimeAsync(1000);
      await muting;
      arrives(server.socket, { sends: VOICE });
      await vi.advanceTimersByTimeAsync(1000);
      expect(muted(server.socket)).not.toContainEqual({ peerId: 'ben', source: 'audio' });
    });
  });

  it('that mute all participants do not mute moderators who move later', async () => {
    const { server, session, old } = await onBoth();
    server.answers['muteParticipant'] = () => ({});
    notifies(old, 'peerChanged', { peerId: 'ben', moderator: true });
    await session.request('muteParticipant', { source: 'audio' });
    arrives(server.socket);
    await vi.advanceTimersByTimeAsync(1000);
    expect(muted(server.socket)).toEqual([{ source: 'audio' }]);
  });

  it('wait while the old connection is gone and the next one has not joined', async () => {
    const { server, session, old } = await asked();
    server.answers['raiseHand'] = () => ({});
    old.serverCloses(1006);
    const raising = session.request('raiseHand', { raised: true });
    await settle();
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(1000);
    await raising;
    expect(methods(server.socket)).toContain('raiseHand');
  });

  it('that the next server may have carried out are not repeated', async () => {
    const { server, session, old } = await asked();
    server.answers['sendChatMessage'] = () => new RequestRefused('sendChatMessage', 409, 'moving');
    const saying = session.say('one').catch((error: unknown) => error);
    await settle();
    delete server.answers['sendChatMessage'];
    server.socket.serverOpens();
    await vi.advanceTimersByTimeAsync(600);
    expect(methods(server.socket)).toContain('sendChatMessage');
    server.socket.serverCloses(1006);
    await vi.advanceTimersByTimeAsync(1000);
    expect([await saying, methods(old).filter((method) => method === 'sendChatMessage').length]).toMatchObject([{ code: 'connection-closed' }, 1]);
  });

  it('for videos of those who have not moved still reach the old server', async () => {
    const { server, session } = await joined();
    const old = server.socket;
    offers(old, 'ben', 'old-video', 'video');
    await settle();
    const preference = { consumerId: 'old-video', spatialLayer: 2, temporalLayer: 2, priority: 80 };
    session.receive([{ ...preference, isHidden: true }]);
    notifies(old, 'moving', { deadlineSeconds: 10 });
    await settle();
    server.socket.serverOpens();
    await settle();
    session.receive([{ ...preference, isHidden: false }]);
    expect(methods(old)).toContain('resumeConsumer');
  });
});
