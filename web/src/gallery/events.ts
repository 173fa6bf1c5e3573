/** Events of the scenes: participants, their media and the state of the room. */

import type { SessionEvent } from '../core/session/events';
import { ALL_RIGHTS, NO_RIGHTS } from '../core/signaling/peers';
import { drawPerson, drawScreen, hasCamera } from './drawings';
import { peer, peerId } from './people';

function voice(): MediaStreamTrack {
  const track = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  if (track === undefined) throw new Error('could not create an audio track');
  return track;
}

/** A call with this many others; some without video, some muted. */
export function others(count: number, names?: readonly string[]): SessionEvent[] {
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
    { type: 'permissions', permissions: { isModerator: false, isViewer: false, publish: ALL_RIGHTS, chat: true, name: undefined } },
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
export const shapes = (): SessionEvent[] => [
  { type: 'peerJoined', peer: { ...peer(0), isBroadcaster: true } },
  ...SHAPES.map((size, index): SessionEvent => ({
    type: 'trackAdded',
    remote: { consumerId: `${peerId(index)}-v`, peerId: peerId(index), kind: 'video', source: 'video', track: drawPerson(index, size), isPaused: false },
  })),
];

/** A large room: some cameras that are on are not received, nor is one microphone. */
export const inLargeRoom: readonly SessionEvent[] = [
  ...[3, 7, 11].map((index): SessionEvent => ({ type: 'peerSends', peerId: peerId(index), sends: { audio: index !== 7, video: true, share: false } })),
  { type: 'trackRemoved', consumerId: `${peerId(3)}-a` },
];

export const screenLeftOut: SessionEvent = { type: 'peerSends', peerId: peerId(0), sends: { audio: true, video: true, share: true } };

/** A stream that started and stopped. */
export const silentAfterAll = (consumerId: string): SessionEvent[] =>
  [10, 0].map((sourceScore) => ({ type: 'trackScore', consumerId, score: 10, sourceScore }));

export const screenOf = (index: number): SessionEvent => ({
  type: 'trackAdded',
  remote: { consumerId: `${peerId(index)}-s`, peerId: peerId(index), kind: 'video', source: 'screensharing', track: drawScreen(), isPaused: false },
});

export const moderator: SessionEvent = {
  type: 'permissions',
  permissions: { isModerator: true, isViewer: false, publish: ALL_RIGHTS, chat: true, name: undefined },
};

export const viewer: SessionEvent = {
  type: 'permissions',
  permissions: { isModerator: false, isViewer: true, publish: NO_RIGHTS, chat: true, name: undefined },
};

/** An audience, of whom some want to come on stage. */
export const audience: readonly SessionEvent[] = [
  { type: 'viewers', count: 1204 },
  {
    type: 'viewerHands',
    count: 12,
    hands: [
      { peerId: 'v1', displayName: 'Hedy Lamarr' },
      { peerId: 'v2', displayName: 'Chien-Shiung Wu of Liuhe near Taicang' },
    ],
  },
];

export const lobbyOn: SessionEvent = { type: 'roomState', title: '', isLocked: false, isLobbyOn: true };

export const knocking: SessionEvent = {
  type: 'lobbyPeers',
  peers: [
    { peerId: 'x1', displayName: 'Emmy Noether' },
    { peerId: 'x2', displayName: 'Srinivasa Ramanujan of Kumbakonam' },
  ],
};
