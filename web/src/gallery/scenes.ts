/** Every screen with fixed data, by name. */

import { deviceError } from '../core/media/devices';
import type { SessionEvent } from '../core/session/events';
import { NOON, oddChat, withChat, withLongChat } from './chat';
import { audience, inLargeRoom, knocking, lobbyOn, moderator, screenLeftOut, screenOf, shapes, silentAfterAll, viewer } from './events';
import { ODD_NAMES, peer, peerId } from './people';
import { ended, failed, inCall, interrupt, then, waitingFor, withOddNames } from './plays';
import type { Scene } from './scene';

export const SCENES: Readonly<Record<string, Scene>> = {
  home: { isFrontDoor: true },
  'home-recent': {
    isFrontDoor: true,
    recent: [
      { path: '/m/team-a/planning', title: 'Quarterly planning' },
      { path: '/m/hello', title: 'hello' },
      {
        path: '/m/team-with-a-long-name/donaudampfschifffahrtsgesellschaft',
        title: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
      },
    ],
  },
  'pre-join': {},
  'pre-join-viewer': { info: { isViewer: true, participants: 1204 } },
  'pre-join-no-speakers': { hasNoSpeakers: true },
  'pre-join-denied': { deviceFailure: 'NotAllowedError' },
  'pre-join-asking': { deviceFailure: 'never' },
  'pre-join-in-use': { deviceFailure: 'NotReadableError' },
  'pre-join-no-devices': { deviceFailure: 'NotFoundError' },
  'pre-join-nameless': { name: '', info: { participants: 0 } },
  'pre-join-long-title': {
    info: {
      title: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft — annual general meeting and everything that comes after it',
    },
  },
  'pre-join-unreachable': { info: { status: 'unreachable' } },
  'pre-join-waiting': { info: waitingFor('PodNotReady', 'the meeting is being prepared') },
  'waiting-scheduled': {
    info: { ...waitingFor('Scheduled', 'the meeting has not started yet'), startsAt: Date.UTC(2026, 11, 24, 15, 30) },
    play: ({ model }) => model.join(),
  },
  'waiting-capacity': { info: waitingFor('PoolFull', 'we are at capacity; you will join as soon as a spot opens'), play: ({ model }) => model.join() },
  'waiting-broken': {
    info: waitingFor('ImagePullFailed', 'the meeting cannot start right now; contact the administrator of this server'),
    play: ({ model }) => model.join(),
  },
  lobby: {
    play: ({ model, session }) => {
      model.join();
      session.emit({ type: 'connection', connection: { status: 'lobby' } });
    },
  },
  'lobby-devices-off': {
    play: ({ model, session }) => {
      model.join();
      session.emit({ type: 'connection', connection: { status: 'lobby' } });
      model.toggle('camera');
      model.toggle('microphone');
    },
  },
  'lobby-interrupted': {
    play: ({ model, session }) => {
      model.join();
      session.emit({ type: 'connection', connection: { status: 'lobby' } });
      interrupt(model);
    },
  },
  'lobby-denied': {
    deviceFailure: 'NotAllowedError',
    play: ({ model, session }) => {
      model.join();
      session.emit({ type: 'connection', connection: { status: 'lobby' } });
    },
  },
  missing: { info: { status: 'missing' } },
  'token-required': { info: { needsToken: true } },
  unsupported: { hasPeerConnection: false },
  'call-1': { play: inCall(0) },
  'call-1-invited': { info: { needsToken: true }, hasJoinToken: true, play: inCall(0) },
  'call-2': { play: inCall(1) },
  'call-3': { play: inCall(2) },
  'call-5': { play: inCall(4) },
  'call-9': { play: inCall(8) },
  'call-16': { play: inCall(15) },
  'call-30': { play: inCall(29) },
  'call-49': { play: inCall(48) },
  'call-80': { play: inCall(79) },
  'call-odd-names': { play: withOddNames() },
  'call-lost': { play: inCall(4, ...['a', 'v'].flatMap((kind) => silentAfterAll(`${peerId(0)}-${kind}`)), ...silentAfterAll(`${peerId(2)}-v`)) },
  'call-left-out': { play: inCall(15, ...inLargeRoom) },
  'call-share-left-out': { play: inCall(5, ...inLargeRoom.slice(0, 1), screenOf(1), screenLeftOut) },
  'call-pinned': { play: then(inCall(5), (call) => call.pin(peerId(1))) },
  'call-shapes': { play: ({ model, session }) => inCall(4, ...shapes())({ model, session }) },
  'call-speaker': { settings: { layout: 'speaker' }, play: inCall(7) },
  'call-share': { play: inCall(5, screenOf(1)) },
  'call-two-shares': { play: inCall(5, screenOf(1), screenOf(0)) },
  'call-three-shares': { play: inCall(2, screenOf(1), screenOf(0), screenOf(2)) },
  'call-share-speaker': { settings: { layout: 'speaker' }, play: inCall(11, screenOf(1)) },
  'call-own-share': {
    play: then(inCall(3), (call) => call.toggleShare()),
  },
  'call-reconnecting': { play: inCall(4, { type: 'connection', connection: { status: 'reconnecting', attempt: 2 } }) },
  'call-interrupted': { play: then(inCall(4), (_call, { model }) => interrupt(model)) },
  'call-stalled': { play: inCall(4, { type: 'trackStalled', consumerId: `${peerId(0)}-v`, isStalled: true }) },
  'call-too-slow': {
    play: inCall(
      4,
      { type: 'trackWithheld', consumerId: `${peerId(0)}-v`, isWithheld: true },
      { type: 'trackStalled', consumerId: `${peerId(0)}-v`, isStalled: true },
    ),
  },
  'chat-empty': { play: then(inCall(4), (call) => call.togglePanel('chat')) },
  'chat-unread': {
    play: inCall(4, {
      type: 'chatMessage',
      message: {
        id: 1,
        peerId: peerId(0),
        displayName: 'Grace Hopper',
        text: 'Can you all hear me? I hear you, but there is an echo somewhere.',
        sentAt: NOON,
      },
    }),
  },
  'chat-odd-names': { play: then(withOddNames(oddChat), (call) => call.togglePanel('chat')) },
  'people-odd-names': { play: then(withOddNames(moderator), (call) => call.togglePanel('people')) },
  'toast-odd-name': {
    play: then(inCall(4), (_call, { session }) =>
      session.emit(
        { type: 'handRaised', peerId: peerId(0), isRaised: false },
        { type: 'peerJoined', peer: peer(1, ODD_NAMES) },
        { type: 'peerJoined', peer: { ...peer(3, ODD_NAMES), peerId: 'odd' } },
      ),
    ),
  },
  'menu-more': { play: inCall(4), press: 'more-button' },
  'menu-microphone': { play: inCall(4), press: 'microphone-menu' },
  'menu-reactions': { play: inCall(4), press: 'react-button' },
  'menu-person': { play: inCall(4, moderator), press: 'person-menu' },
  'menu-leave': { play: inCall(4, moderator), press: 'leave-menu' },
  chat: { play: then(inCall(4), withChat) },
  'chat-moderator': { play: then(inCall(3, moderator, ...audience.slice(0, 1)), withChat) },
  'chat-earlier': { play: then(inCall(4), withLongChat) },
  'call-viewer': { play: inCall(5, viewer, ...audience.slice(0, 1)) },
  'call-on-stage': { play: inCall(3, viewer, moderator) },
  'people-viewers': { play: then(inCall(4, moderator, ...audience), (call) => call.togglePanel('people')) },
  people: { play: then(inCall(9), (call) => call.togglePanel('people')) },
  'people-left-out': { play: then(inCall(9, ...inLargeRoom.slice(0, 2)), (call) => call.togglePanel('people')) },
  'people-moderator': { play: then(inCall(6, moderator, knocking), (call) => call.togglePanel('people')) },
  'people-lobby-on': { play: then(inCall(6, moderator, knocking, lobbyOn), (call) => call.togglePanel('people')) },
  'toast-lobby': { play: then(inCall(4), (_call, { session }) => session.emit(lobbyOn)) },
  'toast-link': { play: then(inCall(4), (call) => call.toast({ kind: 'link', needsInvitation: true })) },
  'call-recorded': { play: then(inCall(2), (_call, { session }) => session.emit({ type: 'peerJoined', peer: { ...peer(5), peerId: 'recorder' } })) },
  'call-recorded-locked': {
    play: inCall(
      2,
      { type: 'peerJoined', peer: { ...peer(5), peerId: 'recorder' } },
      { type: 'roomState', title: 'Quarterly planning of the whole house', isLocked: true, isLobbyOn: true },
    ),
  },
  'pre-join-recorded': { info: { isRecorded: true } },
  'pre-join-out-of-reach': { info: { isLoopbackOnly: true }, reachesLoopback: false },
  'toast-refused': { play: then(inCall(4), (call) => call.toast({ kind: 'refused', refusal: 'tooOften' })) },
  toasts: {
    play: then(inCall(4, moderator, knocking), (call, { session }) => {
      session.emit({ type: 'peerJoined', peer: peer(7) }, { type: 'peerJoined', peer: peer(8) }, { type: 'handRaised', peerId: peerId(3), isRaised: true });
      session.emit({ type: 'mutedByModerator', source: 'audio' });
      call.toast({ kind: 'problem', device: 'camera', error: deviceError('camera', new DOMException('busy', 'NotReadableError')) });
    }),
  },
  reactions: {
    play: then(inCall(4), (_call, { session }) => {
      const reactions = ['like', 'clap', 'heart', 'laugh', 'surprised', 'party'] as const;
      session.emit(...reactions.map((reaction, index): SessionEvent => ({ type: 'reaction', peerId: peerId(index % 4), reaction })));
    }),
  },
  locked: { play: inCall(4, moderator, { type: 'roomState', title: 'Board', isLocked: true, isLobbyOn: false }) },
  'locked-with-lobby': {
    play: then(inCall(4, { type: 'roomState', title: 'Quarterly planning of the whole house', isLocked: true, isLobbyOn: true }), (call) => {
      call.dismiss('lock');
      call.dismiss('lobby');
    }),
  },
  restricted: {
    play: inCall(4, {
      type: 'permissions',
      permissions: { isModerator: false, isViewer: false, publish: { audio: false, video: false, share: false }, chat: false, name: undefined },
    }),
  },
  settings: { play: then(inCall(4), (call) => call.open({ name: 'settings' })) },
  shortcuts: { play: then(inCall(4), (call) => call.open({ name: 'shortcuts' })) },
  unmute: { play: inCall(4, { type: 'unmuteRequested' }) },
  remove: { play: then(inCall(4, moderator), (call) => call.open({ name: 'remove', peerId: peerId(0), displayName: 'Grace Hopper' })) },
  'remove-long-name': {
    play: then(inCall(4, moderator), (call) =>
      call.open({ name: 'remove', peerId: peerId(0), displayName: 'Maryam Mirzakhani-Nordström-Donaudampfschiffahrt' }),
    ),
  },
  'end-meeting': { play: then(inCall(4, moderator), (call) => call.open({ name: 'endMeeting' })) },
  rights: { play: then(inCall(4, moderator), (call) => call.open({ name: 'rights', peerId: peerId(0) })) },
  statistics: { play: then(inCall(4), (call) => call.toggleStatistics()) },
  'ended-left': ended('left'),
  'ended-full': ended('meeting-full'),
  'ended-locked': ended('meeting-locked'),
  'ended-removed': ended('removed'),
  'ended-refused': ended('refused'),
  'ended-not-admitted': ended('not-admitted'),
  'ended-lobby-full': ended('lobby-full'),
  'ended-over': { info: { isOver: true } },
  'ended-invitation-used': ended('invitation-used'),
  'ended-token-required': ended('token-required'),
  'ended-replaced': ended('replaced'),
  'ended-taken': ended('peer-id-taken'),
  'ended-closed': ended('closed'),
  'ended-by-moderator': ended('ended-by-moderator'),
  'failed-token-expired': failed('token-expired'),
  'failed-token-invalid': failed('token-invalid'),
  'failed-refused': failed('access-refused'),
  'failed-media': failed('media-unreachable'),
  'failed-waits': failed('meeting-waits'),
  'failed-busy': failed('meeting-busy'),
  'failed-version': failed('answer-malformed'),
  'failed-join': failed('join-refused'),
  'failed-network': failed('server-unreachable'),
};
