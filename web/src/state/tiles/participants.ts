/**
 * Who is in the room and what arrives from them, folded from the session's news. Pure.
 *
 * While the connection is lost nobody vanishes: people and pictures are kept as "stale" until they are back, or until
 * it is clear that they are not coming.
 */

import type { LastPicturesGone, RemoteTrack, RoomEvent } from '../../core/session/events';
import type { LobbyPeer } from '../../generated/messages';
import { GUEST_RIGHTS, type OwnRights, type Peer } from '../../core/signaling/standing';

/** Mean loudness, in dBvo over most of a second, from which on somebody counts as speaking: speech with its pauses. */
const SPEAKING_FROM = -70;

export interface Participant extends Peer {
  isStale: boolean;
}

export interface HeldTrack extends RemoteTrack {
  isStale: boolean;
  /** The picture ought to come and does not. */
  isStalled: boolean;
  /** 0 (worst) to 10; undefined until the server has said. */
  score: number | undefined;
  /** Whether it came to the server once, and whether it does not any more. */
  hasFlowed: boolean;
  isSilent: boolean;
}

/** How newcomers get in. */
export interface RoomDoor {
  isLocked: boolean;
  /** Whether newcomers wait until a moderator admits them; undefined where moderators cannot switch that. */
  isLobbyOn: boolean | undefined;
}

export interface RoomView extends RoomDoor {
  participants: readonly Participant[];
  tracks: readonly HeldTrack[];
  speaking: ReadonlySet<string>;
  activeSpeaker: string | undefined;
  /** When somebody last had the word, counted in changes of speaker: for the order of pages. */
  spoke: ReadonlyMap<string, number>;
  /** Raised hands in the order of their raising, one's own included. */
  hands: readonly string[];
  /** Scores of one's own streams, by producer. */
  ownScores: ReadonlyMap<string, number>;
  rights: OwnRights;
  lobby: readonly LobbyPeer[];
  /** Undefined until the server has said. */
  title: string | undefined;
  /** Whether the server has told title, lock and lobby. */
  isKnown: boolean;
}

/** Whether the call is being recorded: a recorder shows itself as one. */
export function isRecorded({ participants }: Pick<RoomView, 'participants'>): boolean {
  return participants.some(({ isRecorder }) => isRecorder);
}

export type RoomViewEvent = RoomEvent | LastPicturesGone | { type: 'connectionLost' };

export const EMPTY_ROOM: RoomView = {
  participants: [],
  tracks: [],
  speaking: new Set(),
  activeSpeaker: undefined,
  spoke: new Map(),
  hands: [],
  ownScores: new Map(),
  rights: GUEST_RIGHTS,
  lobby: [],
  title: undefined,
  isKnown: false,
  isLocked: false,
  isLobbyOn: undefined,
};

export function reduceRoom(room: RoomView, event: RoomViewEvent): RoomView {
  switch (event.type) {
    case 'joined':
      return event.peers.reduce(withPeer, { ...staleRoom(room), hands: [] });
    case 'peerJoined':
      return withPeer(room, event.peer);
    case 'peerLeft':
      return withoutPeers(room, ({ peerId }) => peerId === event.peerId);
    case 'peerRenamed':
      return changePeer(room, event.peerId, { displayName: event.displayName });
    case 'peerChanged':
      return changePeer(room, event.peerId, { standing: event.standing });
    case 'peerSends':
      return changePeer(room, event.peerId, { sends: event.sends });
    case 'handRaised':
      return withHand(room, event.peerId, event.isRaised);
    case 'trackAdded':
      return withTrack(room, event.remote);
    case 'trackPaused':
      return changeTrack(room, event.consumerId, { isPaused: event.isPaused });
    case 'trackStalled':
      return changeTrack(room, event.consumerId, { isStalled: event.isStalled });
    case 'trackScore':
      return withScore(room, event);
    case 'trackRemoved':
      return { ...room, tracks: room.tracks.filter(({ consumerId }) => consumerId !== event.consumerId) };
    case 'ownScore':
      return { ...room, ownScores: new Map([...room.ownScores, [event.producerId, event.score]]) };
    case 'speakers':
      return withSpeaking(room, event.volumes.filter(({ volume }) => volume >= SPEAKING_FROM).map(({ peerId }) => peerId));
    case 'activeSpeaker':
      return withSpeaker(room, event.peerId);
    case 'permissions':
      return { ...room, rights: event.permissions, lobby: event.permissions.isModerator ? room.lobby : [] };
    case 'lobbyPeers':
      return { ...room, lobby: event.peers };
    case 'roomState':
      return withState(room, event);
    case 'connectionLost':
      return staleRoom(room);
    case 'lastPicturesGone':
      return { ...withoutPeers(room, ({ isStale }) => isStale), tracks: room.tracks.filter(({ isStale }) => !isStale) };
    case 'reaction':
    case 'mutedByModerator':
    case 'unmuteRequested':
    case 'chatMessage':
    case 'chatHistory':
      // Not about who is there; the call's other parts fold these.
      return room;
  }
}

function withState(room: RoomView, { title, isLocked, isLobbyOn }: RoomDoor & { title: string }): RoomView {
  return { ...room, title: title === '' ? undefined : title, isKnown: true, isLocked, isLobbyOn };
}

function staleRoom(room: RoomView): RoomView {
  return {
    ...room,
    participants: room.participants.map((one) => ({ ...one, isStale: true })),
    tracks: room.tracks.map((one) => ({ ...one, isStale: true })),
    speaking: new Set(),
    activeSpeaker: undefined,
    ownScores: new Map(),
    lobby: [],
  };
}

/** Adds a person, or takes one back at the old place in the grid. */
function withPeer(room: RoomView, peer: Peer): RoomView {
  const fresh: Participant = { ...peer, isStale: false };
  const isKnown = room.participants.some(({ peerId }) => peerId === peer.peerId);
  const participants = isKnown
    ? room.participants.map((one) => (one.peerId === peer.peerId ? fresh : one))
    : [...room.participants, fresh];
  return withHand({ ...room, participants }, peer.peerId, peer.isHandRaised);
}

function withHand(room: RoomView, peerId: string, isRaised: boolean): RoomView {
  const isUp = room.hands.includes(peerId);
  if (isUp === isRaised) return room;
  return { ...room, hands: isRaised ? [...room.hands, peerId] : room.hands.filter((one) => one !== peerId) };
}

/** Loudness is told all the time; that the same people still speak is no change. */
function withSpeaking(room: RoomView, peerIds: readonly string[]): RoomView {
  const isSame = peerIds.length === room.speaking.size && peerIds.every((peerId) => room.speaking.has(peerId));
  return isSame ? room : { ...room, speaking: new Set(peerIds) };
}

function withSpeaker(room: RoomView, peerId: string | undefined): RoomView {
  if (peerId === undefined) return { ...room, activeSpeaker: undefined };
  const turn = Math.max(0, ...room.spoke.values()) + 1;
  return { ...room, activeSpeaker: peerId, spoke: new Map([...room.spoke, [peerId, turn]]) };
}

function changePeer(room: RoomView, peerId: string, change: Partial<Participant>): RoomView {
  return { ...room, participants: room.participants.map((one) => (one.peerId === peerId ? { ...one, ...change } : one)) };
}

function changeTrack(room: RoomView, consumerId: string, change: Partial<HeldTrack>): RoomView {
  return { ...room, tracks: room.tracks.map((one) => (one.consumerId === consumerId ? { ...one, ...change } : one)) };
}

function withScore(room: RoomView, { consumerId, score, sourceScore }: { consumerId: string; score: number; sourceScore: number }): RoomView {
  const held = room.tracks.find((one) => one.consumerId === consumerId);
  const isSilent = sourceScore === 0;
  return changeTrack(room, consumerId, { score, isSilent, hasFlowed: held?.hasFlowed === true || !isSilent });
}

function withoutPeers(room: RoomView, isGone: (participant: Participant) => boolean): RoomView {
  const gone = new Set(room.participants.filter(isGone).map(({ peerId }) => peerId));
  return {
    ...room,
    participants: room.participants.filter(({ peerId }) => !gone.has(peerId)),
    tracks: room.tracks.filter(({ peerId }) => !gone.has(peerId)),
    speaking: new Set([...room.speaking].filter((peerId) => !gone.has(peerId))),
    spoke: new Map([...room.spoke].filter(([peerId]) => !gone.has(peerId))),
    hands: room.hands.filter((peerId) => !gone.has(peerId)),
    activeSpeaker: room.activeSpeaker !== undefined && gone.has(room.activeSpeaker) ? undefined : room.activeSpeaker,
  };
}

/** A fresh track takes the place of what was held of the same source; a replayed one that of itself. */
function withTrack(room: RoomView, remote: RemoteTrack): RoomView {
  const isReplaced = (held: HeldTrack): boolean =>
    held.consumerId === remote.consumerId ||
    (held.isStale && held.peerId === remote.peerId && held.source === remote.source && held.kind === remote.kind);
  return { ...room, tracks: [...room.tracks.filter((held) => !isReplaced(held)), { ...remote, isStale: false, isStalled: false, score: undefined, hasFlowed: (remote.sourceScore ?? 0) > 0, isSilent: false }] };
}
