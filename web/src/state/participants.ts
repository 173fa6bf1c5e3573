/**
 * Who is in the room and what arrives from them, folded from the session's news. Pure.
 *
 * While the connection is lost nobody vanishes: people and pictures are kept as "stale" until they are back, or until
 * it is clear that they are not coming.
 */

import type { LastPicturesGone, RemoteTrack, RoomEvent } from '../core/session/events';

/** Mean loudness, in dBvo over most of a second, from which on somebody counts as speaking: speech with its pauses. */
const SPEAKING_FROM = -70;

export interface Participant {
  peerId: string;
  displayName: string;
  isStale: boolean;
}

export interface HeldTrack extends RemoteTrack {
  isStale: boolean;
}

export interface RoomView {
  participants: readonly Participant[];
  tracks: readonly HeldTrack[];
  speaking: ReadonlySet<string>;
  activeSpeaker: string | undefined;
}

export type RoomViewEvent = RoomEvent | LastPicturesGone | { type: 'connectionLost' };

export const EMPTY_ROOM: RoomView = { participants: [], tracks: [], speaking: new Set(), activeSpeaker: undefined };

export function reduceRoom(room: RoomView, event: RoomViewEvent): RoomView {
  switch (event.type) {
    case 'joined':
      return event.peers.reduce((view, peer) => withPeer(view, peer.peerId, peer.displayName), staleRoom(room));
    case 'peerJoined':
      return withPeer(room, event.peer.peerId, event.peer.displayName);
    case 'peerLeft':
      return withoutPeers(room, ({ peerId }) => peerId === event.peerId);
    case 'peerRenamed':
      return { ...room, participants: room.participants.map((one) => (one.peerId === event.peerId ? { ...one, displayName: event.displayName } : one)) };
    case 'trackAdded':
      return withTrack(room, event.remote);
    case 'trackPaused':
      return { ...room, tracks: room.tracks.map((one) => (one.consumerId === event.consumerId ? { ...one, isPaused: event.isPaused } : one)) };
    case 'trackRemoved':
      return { ...room, tracks: room.tracks.filter(({ consumerId }) => consumerId !== event.consumerId) };
    case 'speakers':
      return { ...room, speaking: new Set(event.volumes.filter(({ volume }) => volume >= SPEAKING_FROM).map(({ peerId }) => peerId)) };
    case 'activeSpeaker':
      return { ...room, activeSpeaker: event.peerId };
    case 'connectionLost':
      return staleRoom(room);
    case 'lastPicturesGone':
      return { ...withoutPeers(room, ({ isStale }) => isStale), tracks: room.tracks.filter(({ isStale }) => !isStale) };
  }
}

function staleRoom(room: RoomView): RoomView {
  return {
    participants: room.participants.map((one) => ({ ...one, isStale: true })),
    tracks: room.tracks.map((one) => ({ ...one, isStale: true })),
    speaking: new Set(),
    activeSpeaker: undefined,
  };
}

/** Adds a person, or takes one back at the old place in the grid. */
function withPeer(room: RoomView, peerId: string, displayName: string): RoomView {
  const peer: Participant = { peerId, displayName, isStale: false };
  const isKnown = room.participants.some((one) => one.peerId === peerId);
  const participants = isKnown
    ? room.participants.map((one) => (one.peerId === peerId ? peer : one))
    : [...room.participants, peer];
  return { ...room, participants };
}

function withoutPeers(room: RoomView, isGone: (participant: Participant) => boolean): RoomView {
  const gone = new Set(room.participants.filter(isGone).map(({ peerId }) => peerId));
  return {
    ...room,
    participants: room.participants.filter(({ peerId }) => !gone.has(peerId)),
    tracks: room.tracks.filter(({ peerId }) => !gone.has(peerId)),
    speaking: new Set([...room.speaking].filter((peerId) => !gone.has(peerId))),
    activeSpeaker: room.activeSpeaker !== undefined && gone.has(room.activeSpeaker) ? undefined : room.activeSpeaker,
  };
}

/** A fresh track takes the place of what was held of the same source; a replayed one that of itself. */
function withTrack(room: RoomView, remote: RemoteTrack): RoomView {
  const isReplaced = (held: HeldTrack): boolean =>
    held.consumerId === remote.consumerId ||
    (held.isStale && held.peerId === remote.peerId && held.source === remote.source);
  return { ...room, tracks: [...room.tracks.filter((held) => !isReplaced(held)), { ...remote, isStale: false }] };
}
