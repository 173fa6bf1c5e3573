import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestRefused } from '../../core/signaling/protoo';
import { ConveneError } from '../../core/errors';
import type { SessionEvent } from '../../core/session/events';
import type { ChatPage } from '../../core/signaling/decode';
import { ALL_RIGHTS, peerOf } from '../../core/signaling/peers';
import type { CallState } from './call-state';
import type { RoomAccess } from '../tiles/participants';
import type { Refusal } from './refusal';
import { FakeSession, rights, bob, recorder, setUp } from '../../test-support/call-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('actions of moderators', () => {
  it.each([
    ['audio', 'microphone', 'muted'],
    ['video', 'camera', 'off'],
  ] as const)('muting %s turns it off here, with a toast', async (source, kind, status) => {
    const { session, local, state } = setUp();
    await local.turnOn(kind);
    session.emit({ type: 'mutedByModerator', source });
    expect(local.state[kind].status).toBe(status);
    expect(state().toasts).toMatchObject([{ kind: 'muted', source }]);
  });

  it('stopping a share ends it', async () => {
    const { session, local, devices } = setUp();
    await local.shareScreen();
    session.emit({ type: 'mutedByModerator', source: 'share' });
    expect(local.state.screen.status).toBe('off');
    expect(devices.screens[0]?.video.readyState).toBe('ended');
  });

  it('revoking the permission to share during the prompt keeps the screen from being captured', async () => {
    const { call, session, local, devices } = setUp();
    devices.isAsking = true;
    call.toggleShare();
    session.emit(rights({ publish: { ...ALL_RIGHTS, share: false } }));
    devices.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect([local.state.screen.status, devices.live]).toEqual(['off', []]);
  });

  it('asking to unmute only opens a dialog', async () => {
    const { session, local, state } = setUp();
    session.emit({ type: 'unmuteRequested' });
    await vi.advanceTimersByTimeAsync(0);
    expect([state().dialog, local.state.microphone.status]).toEqual([{ name: 'unmute' }, 'off']);
  });

  it('revoking permissions releases the devices, and they stay off', async () => {
    const { call, session, local, state } = setUp();
    await local.turnOn('microphone');
    await local.turnOn('camera');
    session.emit(rights({ publish: { audio: false, video: false, share: false } }));
    call.toggle('microphone');
    call.toggle('camera');
    call.toggleShare();
    call.talk(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(local.state).toEqual({ microphone: { status: 'off' }, camera: { status: 'off' }, screen: { status: 'off' } });
    expect(state().toasts).toMatchObject([{ kind: 'rights', change: 'restricted' }]);
  });

  it('becoming a moderator shows a toast, but not at the start', () => {
    const { session, state } = setUp();
    session.emit(rights({ isModerator: true }));
    expect(state().toasts).toMatchObject([{ kind: 'rights', change: 'moderator' }]);
    expect(state().rights.isModerator).toBe(true);
  });

  it('each request to join plays a sound once', () => {
    const { session, chimes, state } = setUp();
    session.emit(rights({ isModerator: true }));
    const knocks = (...peers: string[]): SessionEvent => ({ type: 'lobbyPeers', peers: peers.map((peerId) => ({ peerId, displayName: peerId })) });
    session.emit(knocks('x'), knocks('x', 'y'), knocks('y'), knocks());
    expect(chimes).toEqual(['knock', 'knock']);
    expect(state().lobby).toEqual([]);
  });

  it.each<[Error, Refusal]>([
    [new RequestRefused('setRoomLock', 403, 'only a moderator may do this'), 'notAllowed'],
    [new RequestRefused('removeParticipant', 404, 'no such peer'), 'gone'],
    [new RequestRefused('removeParticipant', 409, 'nobody can remove themselves'), 'notNow'],
    [new RequestRefused('sendChatMessage', 413, 'too large'), 'tooLarge'],
    [new RequestRefused('sendReaction', 429, 'too many reactions'), 'tooOften'],
    [new RequestRefused('sendReaction', 500, 'a fault'), 'other'],
    [new ConveneError('request-timeout', 'late'), 'noAnswer'],
    [new ConveneError('connection-closed', 'gone'), 'offline'],
  ])('%s shows a toast, whatever was requested', async (error, refusal) => {
    const { call, session, state } = setUp();
    session.refusal = error;
    expect([await call.ask('setRoomLock', { locked: true }), await call.say('hello')]).toEqual([false, false]);
    await call.toggleHand();
    await call.react('heart');
    await call.remove('bob', { isLocked: true });
    expect(state()).toMatchObject({ toasts: [{ kind: 'refused', refusal }], isHandRaised: false, reactions: [] });
  });
});

describe('lock and lobby', () => {
  const door = (isLocked: boolean, isLobbyOn: boolean | undefined, title = ''): SessionEvent => ({ type: 'roomState', title, isLocked, isLobbyOn });

  it.each(['', 'Daily'])('of a room with the title "%s" show a toast when they change, but not at the start', (title) => {
    const { session, state } = setUp();
    session.emit(door(true, true, title));
    expect([state().toasts, state().isLocked, state().isLobbyOn]).toEqual([[], true, true]);
    session.emit(door(false, true, title), door(false, false, title));
    expect(state().toasts).toMatchObject([
      { kind: 'lock', isLocked: false },
      { kind: 'lobby', isOn: false },
    ]);
  });

  it('of a pod without a changeable lobby show no toast', () => {
    const { session, state } = setUp();
    session.emit(door(false, true), door(false, undefined));
    expect([state().toasts, state().isLobbyOn]).toEqual([[], undefined]);
  });

  it('are set before a removal, so that the participant cannot rejoin in between', async () => {
    const { call, session } = setUp();
    session.emit(door(false, false));
    await call.remove('bob', { isLocked: true, isLobbyOn: true });
    expect(session.asked).toEqual([
      ['setRoomLock', { locked: true }],
      ['setRoomLobby', { enabled: true }],
      ['removeParticipant', { peerId: 'bob' }],
    ]);
  });

  it.each<[string, Partial<RoomAccess>]>([
    ['nothing is chosen', {}],
    ['what is chosen is so already', { isLocked: true, isLobbyOn: false }],
  ])('stay as they are in a removal where %s', async (_case, wish) => {
    const { call, session } = setUp();
    session.emit(door(true, false));
    await call.remove('bob', wish);
    expect(session.asked).toEqual([['removeParticipant', { peerId: 'bob' }]]);
  });
});

describe('the history of the chat', () => {
  const message = (id: number): ChatPage['messages'][number] => ({ id, peerId: 'bob', displayName: 'Bob', text: String(id), sentAt: id });
  const pageOf = (first: number, last: number): ChatPage => ({
    messages: Array.from({ length: last - first + 1 }, (_, index) => message(first + index)),
    hasMore: first > 1,
  });
  const idsOf = (state: CallState): number[] => state.chat.messages.map(({ id }) => id);
  const asks = ({ asked }: FakeSession): unknown[] => asked.map(([, data]) => (data as { before?: number }).before);

  it('is loaded page by page, one at a time', async () => {
    const { call, session, state } = setUp();
    session.emit({ type: 'chatHistory', page: pageOf(7, 9) });
    session.pages = (before = 0) => pageOf(before - 3, before - 1);
    await Promise.all([call.loadEarlier(), call.loadEarlier()]);
    expect([asks(session), idsOf(state()), state().chat.earlier]).toEqual([[7], [4, 5, 6, 7, 8, 9], 'more']);
    await call.loadEarlier();
    expect([idsOf(state()).length, state().chat.earlier]).toEqual([9, 'none']);
  });

  it('that failed to load can be requested again', async () => {
    const { call, session, state } = setUp();
    session.emit({ type: 'chatHistory', page: pageOf(7, 9) });
    session.refusal = new RequestRefused('getChatHistory', 429, 'too often');
    await call.loadEarlier();
    expect([idsOf(state()), state().chat.earlier, state().toasts]).toEqual([[7, 8, 9], 'failed', []]);
    session.refusal = undefined;
    session.pages = () => pageOf(1, 6);
    await call.loadEarlier();
    expect(idsOf(state())).toHaveLength(9);
  });

  it('that failed to load when joining is requested when the chat is opened', async () => {
    const { call, session, state } = setUp();
    session.pages = () => pageOf(4, 6);
    call.togglePanel('chat');
    await vi.advanceTimersByTimeAsync(0);
    expect([asks(session), idsOf(state()), state().chat]).toMatchObject([[undefined], [4, 5, 6], { unread: 0, earlier: 'more' }]);
  });

  it('is not requested where there is no chat', () => {
    const { call, session } = setUp();
    session.emit(rights({ chat: false }));
    call.togglePanel('chat');
    expect(session.asked).toEqual([]);
  });

  it('fills a gap of a slow connection with one request', async () => {
    const { session, state } = setUp();
    session.emit({ type: 'chatHistory', page: pageOf(1, 2) });
    session.pages = (before = 0) => pageOf(1, before - 1);
    for (const id of [3, 6, 7]) session.emit({ type: 'chatMessage', message: message(id) });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asks(session), idsOf(state()), state().chat.unread]).toEqual([[6], [1, 2, 3, 4, 5, 6, 7], 5]);
  });

  it('is not requested when missing messages were only late', async () => {
    const { session, state } = setUp();
    session.emit({ type: 'chatHistory', page: pageOf(1, 2) });
    for (const id of [4, 3]) session.emit({ type: 'chatMessage', message: message(id) });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asks(session), idsOf(state())]).toEqual([[], [1, 2, 3, 4]]);
  });

  it('is no longer requested after some failures', async () => {
    const { session, state } = setUp();
    session.emit({ type: 'chatHistory', page: pageOf(1, 2) });
    session.refusal = new RequestRefused('getChatHistory', 429, 'too often');
    session.emit({ type: 'chatMessage', message: message(7) });
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect([asks(session), idsOf(state())]).toEqual([Array(6).fill(7), [1, 2, 7]]);
  });
});

describe('hand, reactions and chat', () => {
  it('a hand is raised once the server confirms it', async () => {
    const { call, session, state } = setUp();
    await call.toggleHand();
    expect(session.asked).toEqual([['raiseHand', { raised: true }]]);
    expect(state()).toMatchObject({ isHandRaised: true, people: [{ isHandRaised: false }, { isSelf: true, isHandRaised: true }] });
    session.emit({ type: 'handRaised', peerId: 'me', isRaised: false });
    expect(state().isHandRaised).toBe(false);
  });

  it('reactions are shown for a while, including own ones', async () => {
    const { call, session, state } = setUp();
    await call.react('heart');
    session.emit({ type: 'reaction', peerId: 'bob', reaction: 'clap' });
    expect(state().reactions).toMatchObject([
      { name: 'Ada', reaction: 'heart' },
      { name: 'Bob', reaction: 'clap' },
    ]);
    await vi.advanceTimersByTimeAsync(4000);
    expect(state().reactions).toEqual([]);
  });

  it('messages of others are unread until the chat is open', async () => {
    const { call, session, state } = setUp();
    const message = (id: number): SessionEvent => ({ type: 'chatMessage', message: { id, peerId: 'bob', displayName: 'Bob', text: 'hello', sentAt: 1 } });
    session.emit(message(1), message(2));
    expect(state()).toMatchObject({ chat: { unread: 2 }, toasts: [{ kind: 'chat' }, { kind: 'chat' }] });
    call.togglePanel('chat');
    session.emit(message(3));
    expect(state().chat.unread).toBe(0);
    expect(await call.say('  hi  ')).toBe(true);
    expect(state().chat.messages.at(-1)).toMatchObject({ id: 7, peerId: 'me', text: 'hi' });
    expect(await call.say('   ')).toBe(false);
  });

  it('joining and leaving shows toasts, but not for those who were there before', async () => {
    const { session, state, chimes } = setUp();
    expect(state().toasts).toEqual([]);
    session.emit({ type: 'peerJoined', peer: peerOf({ peerId: 'cy', displayName: 'Cy' }) }, { type: 'peerLeft', peerId: 'bob' });
    expect(state().toasts).toMatchObject([{ kind: 'presence', joined: ['Cy'], left: ['Bob'] }]);
    expect(chimes).toEqual(['join', 'leave']);
    await vi.advanceTimersByTimeAsync(5000);
    expect(state().toasts).toEqual([]);
  });
});

describe('a recording', () => {
  const recordingToasts = ({ toasts }: CallState): unknown[] => toasts.filter(({ kind }) => kind === 'recording').map((toast) => ({ ...toast, id: 0 }));

  it('that is already running is announced after joining', () => {
    const { session, state } = setUp();
    expect([state().isRecorded, recordingToasts(state())]).toEqual([false, []]);
    session.emit({ type: 'joined', peers: [bob, recorder] });
    expect([state().isRecorded, recordingToasts(state())]).toEqual([true, [{ kind: 'recording', isOn: true, id: 0 }]]);
  });

  it('is shown while a recorder is there, and its end is announced', () => {
    const { session, state } = setUp();
    session.emit({ type: 'peerJoined', peer: recorder });
    session.emit({ type: 'connection', connection: { status: 'reconnecting', attempt: 1 } });
    expect(state().isRecorded).toBe(true);
    session.emit({ type: 'peerLeft', peerId: 'rec' });
    expect([state().isRecorded, recordingToasts(state())]).toEqual([false, [{ kind: 'recording', isOn: false, id: 0 }]]);
  });
});
