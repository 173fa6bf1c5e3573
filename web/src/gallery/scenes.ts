/** Every screen with fixed data, by name. */

import { ConveneError } from '../core/errors';
import { deviceError } from '../core/media/devices';
import { trackOf } from '../core/media/local-media';
import type { MeetingInfo } from '../core/meeting/meeting';
import type { EndCause } from '../core/session/close-reason';
import type { SessionEvent } from '../core/session/events';
import type { ChatPage } from '../core/signaling/decode';
import { ALL_RIGHTS, peerOf, type Peer } from '../core/signaling/peers';
import type { AppModel } from '../state/app-model';
import type { CallModel } from '../state/call/call-model';
import type { RecentMeeting } from '../state/recent';
import type { Settings } from '../state/settings';
import { drawPerson, drawScreen, hasCamera } from './drawings';
import type { SceneSession } from './fakes';

interface Stage {
  model: AppModel;
  session: SceneSession;
}

type Play = (stage: Stage) => void;

type Found = Partial<MeetingInfo & { status: 'found' }>;

export interface Scene {
  info?: Found | { status: 'missing' | 'unreachable' };
  /** Name of the browser's error when opening devices; "never" for an unanswered permission prompt. */
  deviceFailure?: string;
  settings?: Partial<Settings>;
  hasPeerConnection?: boolean;
  reachesLoopback?: boolean;
  hasJoinToken?: boolean;
  isFrontDoor?: boolean;
  recent?: readonly RecentMeeting[];
  /** Name of the local participant. */
  name?: string;
  /** Test id of a button that is pressed at the end. */
  press?: string;
  /** What happens after the preview is shown. */
  play?: Play;
}

const NAMES = [
  'Grace Hopper',
  'Linus Öberg',
  'Maryam Mirzakhani-Nordström',
  'Jo',
  'Ngũgĩ Kamau',
  'Sofía Hernández',
  'Tim Berners-Lee',
  'Радия Перлман',
  '山田 太郎',
  'Barbara Liskov',
  'Alan Kay',
  'Frances Allen',
  'Ken Thompson',
  'Shafi Goldwasser',
  'Donald Knuth',
  'Margaret Hamilton',
  'Vint Cerf',
  'Anita Borg',
  'Edsger Dijkstra',
  'Karen Spärck Jones',
  'Dennis Ritchie',
  'Hedy Lamarr',
  'Tony Hoare',
  'Evelyn Boyd',
  'Niklaus Wirth',
  'Adele Goldberg',
  'John Backus',
  'Katherine Johnson',
  'Bjarne Stroustrup',
  'Mary Jackson',
];

/** Unusual display names, as other clients may send them. */
const ODD_NAMES = [
  'N'.repeat(10_000),
  'Prof. Dr. Wolfeschlegelsteinhausenbergerdorff von und zu Hohenlohe-Waldenburg-Schillingsfürst',
  '<img src=x onerror="alert(1)"><b>Bold</b>',
  'محمد بن موسى الخوارزمي',
  'עדה לאבלייס (אורחת)',
  '\u202Egnitteg si eman siht',
  'Z̴̧̛͎a̵l̶g̷o̸ ̶t̵e̷x̴t̷',
  ' ',
  'a\nb\tc',
  '👩‍👩‍👧‍👦 🏳️‍🌈',
];

const peerId = (index: number): string => `peer${index + 1}`;

function peer(index: number, names: readonly string[] = NAMES): Peer {
  const name = names[index % names.length] ?? 'Participant';
  return {
    ...peerOf({ peerId: peerId(index), displayName: name }),
    peerStatus: { isModerator: index === 0, isGuest: index % 3 === 1, publish: ALL_RIGHTS, isDisconnected: false },
    isRecorder: index === 5,
    isHandRaised: index === 2,
  };
}

function voice(): MediaStreamTrack {
  const track = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  if (track === undefined) throw new Error('could not create an audio track');
  return track;
}

/** A call with this many others; some without video, some muted. */
function others(count: number, names?: readonly string[]): SessionEvent[] {
  const peers = Array.from({ length: count }, (_, index) => peer(index, names));
  const tracks = peers.flatMap(({ peerId: id }, index): SessionEvent[] => [
    ...(index % 4 === 3 && !hasCamera()
      ? []
      : [
          {
            type: 'trackAdded' as const,
            remote: { consumerId: `${id}-v`, peerId: id, kind: 'video' as const, source: 'video' as const, track: drawPerson(index), isPaused: false },
          },
        ]),
    { type: 'trackAdded', remote: { consumerId: `${id}-a`, peerId: id, kind: 'audio', source: 'audio', track: voice(), isPaused: index % 3 === 1 } },
    { type: 'trackScore', consumerId: `${id}-a`, score: index === 4 ? 3 : index === 6 ? 6 : 10, sourceScore: 10 },
  ]);
  return [
    { type: 'connection', connection: { status: 'connected' } },
    { type: 'permissions', permissions: { isModerator: false, publish: ALL_RIGHTS, chat: true, name: undefined } },
    { type: 'joined', peers },
    { type: 'roomState', title: '', isLocked: false, isLobbyOn: false },
    ...tracks,
    { type: 'speakers', volumes: [{ peerId: peerId(0), volume: -20 }] },
    { type: 'activeSpeaker', peerId: peerId(0) },
  ];
}

const SHAPES = [
  { width: 640, height: 360 },
  { width: 360, height: 640 },
  { width: 640, height: 480 },
  { width: 800, height: 200 },
];

/** Videos of different aspect ratios, the first from a broadcaster. */
const shapes = (): SessionEvent[] => [
  { type: 'peerJoined', peer: { ...peer(0), isBroadcaster: true } },
  ...SHAPES.map((size, index): SessionEvent => ({
    type: 'trackAdded',
    remote: { consumerId: `${peerId(index)}-v`, peerId: peerId(index), kind: 'video', source: 'video', track: drawPerson(index, size), isPaused: false },
  })),
];

/** A large room: some cameras that are on are not received, nor is one microphone. */
const inLargeRoom: readonly SessionEvent[] = [
  ...[3, 7, 11].map((index): SessionEvent => ({ type: 'peerSends', peerId: peerId(index), sends: { audio: index !== 7, video: true, share: false } })),
  { type: 'trackRemoved', consumerId: `${peerId(3)}-a` },
];

const screenLeftOut: SessionEvent = { type: 'peerSends', peerId: peerId(0), sends: { audio: true, video: true, share: true } };

/** A stream that started and stopped. */
const silentAfterAll = (consumerId: string): SessionEvent[] => [10, 0].map((sourceScore) => ({ type: 'trackScore', consumerId, score: 10, sourceScore }));

const screenOf = (index: number): SessionEvent => ({
  type: 'trackAdded',
  remote: { consumerId: `${peerId(index)}-s`, peerId: peerId(index), kind: 'video', source: 'screensharing', track: drawScreen(), isPaused: false },
});

const moderator: SessionEvent = { type: 'permissions', permissions: { isModerator: true, publish: ALL_RIGHTS, chat: true, name: undefined } };

const lobbyOn: SessionEvent = { type: 'roomState', title: '', isLocked: false, isLobbyOn: true };

const knocking: SessionEvent = {
  type: 'lobbyPeers',
  peers: [
    { peerId: 'x1', displayName: 'Emmy Noether' },
    { peerId: 'x2', displayName: 'Srinivasa Ramanujan of Kumbakonam' },
  ],
};

const NOON = Date.UTC(2026, 10, 25, 12);

const SAID: ChatPage['messages'] = [
  [peerId(0), 'Grace Hopper', 'Good morning! The agenda is at https://example.org/agenda/2026-q3?view=full#top'],
  [peerId(0), 'Grace Hopper', 'We start in a minute.'],
  ['self', 'Ada Lovelace', 'Thank you, I see it.'],
  [peerId(1), 'Linus Öberg', '<script>alert("hello")</script> is only text here'],
  [peerId(2), 'Maryam Mirzakhani-Nordström', `A long word: ${'Donaudampfschiffahrtsgesellschaft'.repeat(3)}`],
  ['self', 'Ada Lovelace', 'Fine.\nTwo lines, even.'],
].map(([id = '', displayName = '', text = ''], index) => ({ id: index + 1, peerId: id, displayName, text, sentAt: NOON + index * 50_000 }));

/** Joins the call and emits the events. */
function inCall(count: number, ...events: SessionEvent[]): Play {
  return ({ model, session }) => {
    model.join();
    session.emit(...others(count), ...events);
  };
}

function withOddNames(...events: SessionEvent[]): Play {
  return ({ model, session }) => {
    model.join();
    session.emit(...others(ODD_NAMES.length, ODD_NAMES), ...events);
  };
}

const oddChat: SessionEvent = {
  type: 'chatHistory',
  page: {
    messages: ODD_NAMES.map((name, index) => ({
      id: index + 1,
      peerId: peerId(index),
      displayName: name,
      text: name.slice(0, 4096),
      sentAt: NOON + index * 50_000,
    })),
    hasMore: false,
  },
};

/** Chat history, with own messages. */
function withChat(call: CallModel, { session }: Stage): void {
  sayAll(call, session, { messages: SAID, hasMore: false });
}

/** The newest page of a long chat history. */
function withLongChat(call: CallModel, { session }: Stage): void {
  sayAll(call, session, { messages: SAID.map((one) => ({ ...one, id: one.id + 40 })), hasMore: true });
}

function sayAll(call: CallModel, session: SceneSession, { messages, hasMore }: ChatPage): void {
  const own = call.state.get().selfId;
  session.emit({ type: 'chatHistory', page: { messages: messages.map((one) => (one.peerId === 'self' ? { ...one, peerId: own } : one)), hasMore } });
  call.togglePanel('chat');
}

function then(play: Play, act: (call: CallModel, stage: Stage) => void): Play {
  return (stage) => {
    play(stage);
    const { call } = stage.model.state.get();
    if (call !== undefined) act(call, stage);
  };
}

/** As by a phone call or a switch on the device. */
function interrupt(model: AppModel): void {
  const track = trackOf(model.state.get().local.microphone);
  if (track === undefined) return;
  Object.defineProperty(track, 'muted', { value: true });
  track.dispatchEvent(new Event('mute'));
}

const ended = (cause: EndCause): Scene => ({
  play: ({ model, session }) => {
    model.join();
    session.emit({ type: 'connection', connection: { status: 'closed', cause, reason: '' } });
  },
});

const failed = (code: ConveneError['code']): Scene => ({
  play: ({ model, session }) => {
    model.join();
    session.emit({ type: 'connection', connection: { status: 'failed', error: new ConveneError(code, 'for the gallery') } });
  },
});

const waitingFor = (reason: string, message: string): Found => ({ isReady: false, waitingFor: { reason, message } });

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
    info: { ...waitingFor('Scheduled', 'the meeting has not begun yet'), startsAt: Date.UTC(2026, 11, 24, 15, 30) },
    play: ({ model }) => model.join(),
  },
  'waiting-capacity': { info: waitingFor('PoolFull', 'all places are taken; you will join as soon as there is room'), play: ({ model }) => model.join() },
  'waiting-broken': {
    info: waitingFor('ImagePullFailed', 'the meeting cannot start at present; the administrator of this server can see why'),
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
  'chat-earlier': { play: then(inCall(4), withLongChat) },
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
      permissions: { isModerator: false, publish: { audio: false, video: false, share: false }, chat: false, name: undefined },
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
