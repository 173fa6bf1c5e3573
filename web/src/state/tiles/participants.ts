/**
 * The participants and their streams, reduced from the session's events. Pure.
 *
 * While the connection is lost, participants and videos are kept as "stale" until they are back, or until
 * it is clear that they will not return.
 */

import type { LastPicturesGone, RemoteTrack, RoomEvent } from '../../core/session/events';
import type { LobbyPeer, ViewerHands } from '../../generated/messages';
import { GUEST_RIGHTS, type OwnRights, type Peer } from '../../core/signaling/peers';

/** Mean volume over most of a second, in dBvo, from which a participant counts as speaking. */
const SPEAKING_FROM = -70;

export interface Participant extends Peer {
  isStale: boolean;
}

export interface HeldTrack extends RemoteTrack {
  isStale: boolean;
  /** Whether the video is expected but does not arrive. */
  isStalled: boolean;
  /** Whether the server forwards nothing of it. */
  isWithheld: boolean;
  /** 0 (worst) to 10; undefined until the server has sent it. */
  score: number | undefined;
  /** Whether the server has ever received the stream, and whether it no longer does. */
  hasFlowed: boolean;
  isSilent: boolean;
}

/** Whether new participants can join. */
export interface RoomAccess {
  isLocked: boolean;
  /** Whether new participants wait for approval; undefined where moderators cannot change that. */
  isLobbyOn: boolean | undefined;
}

export interface RoomView extends RoomAccess {
  participants: readonly Participant[];
  tracks: readonly HeldTrack[];
  speaking: ReadonlySet<string>;
  activeSpeaker: string | undefined;
  /** When each peer last spoke, counted in changes of the active speaker: for the order of pages. */
  lastSpoke: ReadonlyMap<string, number>;
  /** Peers with raised hands, in order, including the local one. */
  raisedHands: readonly string[];
  /** Scores of local streams, by producer id. */
  ownScores: ReadonlyMap<string, number>;
  rights: OwnRights;
  lobby: readonly LobbyPeer[];
  /** The number of viewers. */
  viewers: number;
  /** For moderators: the raised hands of viewers. */
  viewerHands: ViewerHands;
  /** Undefined until the server has sent it. */
  title: string | undefined;
  /** Whether the server has sent title, lock and lobby. */
  isKnown: boolean;
}

/** Whether the call is being recorded: whether one of the peers is a recorder. */
export function isRecorded({ participants }: Pick<RoomView, 'participants'>): boolean {
  return participants.some(({ isRecorder }) => isRecorder);
}

const NO_HANDS: ViewerHands = { count: 0, hands: [] };

export type RoomViewEvent = RoomEvent | LastPicturesGone | { type: 'connectionLost' };

export const EMPTY_ROOM: RoomView = {
  participants: [],
  tracks: [],
  speaking: new Set(),
  activeSpeaker: undefined,
  lastSpoke: new Map(),
  raisedHands: [],
  ownScores: new Map(),
  rights: GUEST_RIGHTS,
  lobby: [],
  viewers: 0,
  viewerHands: NO_HANDS,
  title: undefined,
  isKnown: false,
  isLocked: false,
  isLobbyOn: undefined,
};

export function reduceRoom(room: RoomView, event: RoomViewEvent): RoomView {
  switch (event.type) {
    case 'joined':
      return event.peers.reduce(withPeer, { ...staleRoom(room), raisedHands: [], viewers: 0, viewerHands: NO_HANDS });
    case 'moved':
      // The scores are of streams to the previous server.
      return event.peers.reduce(withPeer, { ...room, ownScores: new Map() });
    case 'leftBehind':
      return withStale(room, new Set(event.peerIds), new Set(event.consumerIds));
    case 'peerJoined':
      return withPeer(room, event.peer);
    case 'peerLeft':
      return withoutPeers(room, ({ peerId }) => peerId === event.peerId);
    case 'peerRenamed':
      return changePeer(room, event.peerId, { displayName: event.displayName });
    case 'peerChanged':
      return changePeer(room, event.peerId, { peerStatus: event.peerStatus });
    case 'peerSends':
      return changePeer(room, event.peerId, { sends: event.sends });
    case 'handRaised':
      return withHand(room, event.peerId, event.isRaised);
    case 'trackAdded':
      return withTrack(room, event.remote, event.replaces);
    case 'trackPaused':
      return changeTrack(room, event.consumerId, { isPaused: event.isPaused });
    case 'trackStalled':
      return changeTrack(room, event.consumerId, { isStalled: event.isStalled });
    case 'trackWithheld':
      return changeTrack(room, event.consumerId, { isWithheld: event.isWithheld });
    case 'trackScore':
      return withScore(room, event);
    case 'trackRemoved':
      return { ...room, tracks: room.tracks.filter(({ consumerId }) => consumerId !== event.consumerId) };
    case 'ownScore':
      return { ...room, ownScores: new Map([...room.ownScores, [event.producerId, event.score]]) };
    case 'speakers':
      return withSpeaking(
        room,
        event.volumes.filter(({ volume }) => volume >= SPEAKING_FROM).map(({ peerId }) => peerId),
      );
    case 'activeSpeaker':
      return withSpeaker(room, event.peerId);
    case 'permissions':
      return withRights(room, event.permissions);
    case 'lobbyPeers':
      return { ...room, lobby: event.peers };
    case 'viewers':
      return { ...room, viewers: event.count };
    case 'viewerHands':
      return { ...room, viewerHands: { count: event.count, hands: event.hands } };
    case 'roomState':
      return withState(room, event);
    case 'connectionLost':
      return staleRoom(room);
    case 'lastFramesDropped':
      return { ...withoutPeers(room, ({ isStale }) => isStale), tracks: room.tracks.filter(({ isStale }) => !isStale) };
    case 'reaction':
    case 'mutedByModerator':
    case 'unmuteRequested':
    case 'chatMessage':
    case 'chatHistory':
      // Handled by other parts of the call.
      return room;
  }
}

function withRights(room: RoomView, rights: OwnRights): RoomView {
  return rights.isModerator ? { ...room, rights } : { ...room, rights, lobby: [], viewerHands: NO_HANDS };
}

function withState(room: RoomView, { title, isLocked, isLobbyOn }: RoomAccess & { title: string }): RoomView {
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

function withStale(room: RoomView, peerIds: ReadonlySet<string>, consumerIds: ReadonlySet<string>): RoomView {
  return {
    ...room,
    participants: room.participants.map((one) => (peerIds.has(one.peerId) ? { ...one, isStale: true } : one)),
    tracks: room.tracks.map((one) => (consumerIds.has(one.consumerId) ? { ...one, isStale: true } : one)),
  };
}

/** Adds a participant, or restores one at its old place in the grid. */
function withPeer(room: RoomView, peer: Peer): RoomView {
  const fresh: Participant = { ...peer, isStale: false };
  const isKnown = room.participants.some(({ peerId }) => peerId === peer.peerId);
  const participants = isKnown ? room.participants.map((one) => (one.peerId === peer.peerId ? fresh : one)) : [...room.participants, fresh];
  return withHand({ ...room, participants }, peer.peerId, peer.isHandRaised);
}

function withHand(room: RoomView, peerId: string, isRaised: boolean): RoomView {
  const isUp = room.raisedHands.includes(peerId);
  if (isUp === isRaised) return room;
  return { ...room, raisedHands: isRaised ? [...room.raisedHands, peerId] : room.raisedHands.filter((one) => one !== peerId) };
}

/** Volumes arrive all the time; the state changes only if other participants speak. */
function withSpeaking(room: RoomView, peerIds: readonly string[]): RoomView {
  const isSame = peerIds.length === room.speaking.size && peerIds.every((peerId) => room.speaking.has(peerId));
  return isSame ? room : { ...room, speaking: new Set(peerIds) };
}

function withSpeaker(room: RoomView, peerId: string | undefined): RoomView {
  if (peerId === undefined) return { ...room, activeSpeaker: undefined };
  const turn = Math.max(0, ...room.lastSpoke.values()) + 1;
  return { ...room, activeSpeaker: peerId, lastSpoke: new Map([...room.lastSpoke, [peerId, turn]]) };
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
    lastSpoke: new Map([...room.lastSpoke].filter(([peerId]) => !gone.has(peerId))),
    raisedHands: room.raisedHands.filter((peerId) => !gone.has(peerId)),
    activeSpeaker: room.activeSpeaker !== undefined && gone.has(room.activeSpeaker) ? undefined : room.activeSpeaker,
  };
}

/** A new track replaces the stale one of the same source, itself if it is announced again, or the one of another server. */
function withTrack(room: RoomView, remote: RemoteTrack, replaces: string | undefined): RoomView {
  const isReplaced = (held: HeldTrack): boolean =>
    held.consumerId === remote.consumerId ||
    held.consumerId === replaces ||
    (held.isStale && held.peerId === remote.peerId && held.source === remote.source && held.kind === remote.kind);
  return {
    ...room,
    tracks: [
      ...room.tracks.filter((held) => !isReplaced(held)),
      { ...remote, isStale: false, isStalled: false, isWithheld: false, score: undefined, hasFlowed: (remote.sourceScore ?? 0) > 0, isSilent: false },
    ],
  };
}
