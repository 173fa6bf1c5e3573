/**
 * Two connections to one meeting, on the server that it leaves and on the next one, as one room: participants are those of both, and a stream
 * of the next server takes the place of the one that shows the same. Pure.
 */

import type { RemoteTrack, RoomEvent } from '../events';
import type { Contents } from './contents';

/** What both connections have reported, without the event in question. */
export interface Both {
  old: Contents;
  next: Contents;
}

/** What an event of the old server still says. */
export function fromOld(event: RoomEvent, { next }: Both): RoomEvent[] {
  switch (event.type) {
    case 'peerJoined':
      return next.peers.has(event.peer.peerId) ? [] : [event];
    case 'peerLeft':
    case 'peerRenamed':
    case 'peerChanged':
    case 'peerSends':
    case 'handRaised':
      return next.peers.has(event.peerId) ? [] : [event];
    case 'trackAdded':
      return next.counterpartOf(event.remote) === undefined ? [event] : [];
    // Nothing changes there from now on.
    case 'permissions':
    case 'lobbyPeers':
    case 'roomState':
    case 'ownScore':
    case 'chatHistory':
      return next.hasJoined ? [] : [event];
    default:
      return [event];
  }
}

/** What an event of the next server says while the old one is still there. */
export function fromNext(event: RoomEvent, { old, next }: Both): RoomEvent[] {
  switch (event.type) {
    case 'joined':
      return [{ type: 'moved', peers: event.peers }];
    case 'trackAdded':
      return [inPlaceOf(old.counterpartOf(event.remote), event.remote)];
    case 'trackRemoved':
      return [event, ...shownAgain(event.consumerId, { old, next })];
    // The old server hears all participants until the end.
    case 'speakers':
    case 'activeSpeaker':
      return [];
    default:
      return [event];
  }
}

/** The next connection is lost: everything is shown as it comes from the old one. */
export function withoutNext({ old, next }: Both): RoomEvent[] {
  const streams = next.tracks.map((remote): RoomEvent => {
    const counterpart = old.counterpartOf(remote);
    return counterpart === undefined ? { type: 'trackRemoved', consumerId: remote.consumerId } : inPlaceOf(remote, counterpart);
  });
  const peers = [...next.peers].filter((peerId) => !old.peers.has(peerId));
  return [...streams, ...peers.map((peerId): RoomEvent => ({ type: 'peerLeft', peerId }))];
}

/** The old connection has ended: who and what was there alone is expected to come back. */
export function withoutOld({ old, next }: Both): RoomEvent[] {
  const peerIds = [...old.peers].filter((peerId) => !next.peers.has(peerId));
  const consumerIds = old.tracks.filter((remote) => next.counterpartOf(remote) === undefined).map(({ consumerId }) => consumerId);
  return peerIds.length + consumerIds.length === 0 ? [] : [{ type: 'leftBehind', peerIds, consumerIds }];
}

function inPlaceOf(replaced: RemoteTrack | undefined, remote: RemoteTrack): RoomEvent {
  return { type: 'trackAdded', remote, ...(replaced === undefined ? {} : { replaces: replaced.consumerId }) };
}

/** The stream of the old server, unless the next one has another that shows the same. */
function shownAgain(removedId: string, { old, next }: Both): RoomEvent[] {
  const removed = next.track(removedId);
  if (removed === undefined || next.counterpartOf(removed) !== undefined) return [];
  const counterpart = old.counterpartOf(removed);
  return counterpart === undefined ? [] : [inPlaceOf(undefined, counterpart)];
}
