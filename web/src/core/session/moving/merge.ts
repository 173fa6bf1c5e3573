/**
 * Two connections to one meeting, on the server that it leaves and on the next one, as one room: participants are those of both, and a stream
 * of the next server takes the place of the one that shows the same. Pure.
 */

import type { Sends } from '../../../generated/messages';
import type { Peer } from '../../signaling/peers';
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
    case 'handRaised':
      return next.peers.has(event.peerId) ? [] : [event];
    case 'peerSends':
      return [{ ...event, sends: shownSends(event.peerId, { old: event.sends, next: next.peers.get(event.peerId)?.sends }, next) }];
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
      return [{ type: 'moved', peers: event.peers.map((peer) => asKnown(peer, { old, next })) }];
    case 'peerJoined':
      return [{ ...event, peer: asKnown(event.peer, { old, next }) }];
    case 'peerSends':
      return [{ ...event, sends: shownSends(event.peerId, { old: old.peers.get(event.peerId)?.sends, next: event.sends }, next) }];
    case 'trackAdded':
      return [inPlaceOf(old.counterpartOf(event.remote), event.remote)];
    case 'trackRemoved':
      return [event, ...shownAgain(event.consumerId, { old, next })];
    // The old server hears all participants until the end, and the viewers arrive here one after the other.
    case 'speakers':
    case 'activeSpeaker':
    case 'viewers':
    case 'viewerHands':
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
  const peerIds = [...next.peers.keys()].filter((peerId) => !old.peers.has(peerId));
  const gone = peerIds.map((peerId): RoomEvent => ({ type: 'peerLeft', peerId }));
  return [...streams, ...gone, ...corrected(old, { old, next })];
}

/** The old connection has ended: who and what was there alone is expected to come back. */
export function withoutOld({ old, next }: Both): RoomEvent[] {
  const peerIds = [...old.peers.keys()].filter((peerId) => !next.peers.has(peerId));
  const consumerIds = old.tracks.filter((remote) => next.counterpartOf(remote) === undefined).map(({ consumerId }) => consumerId);
  const left: RoomEvent[] = peerIds.length + consumerIds.length === 0 ? [] : [{ type: 'leftBehind', peerIds, consumerIds }];
  return [...left, ...changedAudience({ old, next }), ...corrected(next, { old, next })];
}

/** The viewers as the next server reports them, where something else is shown. */
function changedAudience({ old, next }: Both): RoomEvent[] {
  const shown = old.audience.map((event) => JSON.stringify(event));
  return next.audience.filter((event, index) => JSON.stringify(event) !== shown[index]);
}

/**
 * What a participant sends: those who have just moved send nothing to the next server for a moment. Of what they have begun to send there, only
 * that server knows.
 */
function shownSends(peerId: string, sends: Record<keyof Both, Sends | undefined>, next: Contents): Sends | undefined {
  if (sends.old === undefined || sends.next === undefined) return sends.next ?? sends.old;
  const { old, next: there } = sends;
  const isSent = (kind: keyof Sends): boolean => there[kind] || (old[kind] && !next.hasStarted(peerId, kind));
  return { audio: isSent('audio'), video: isSent('video'), share: isSent('share') };
}

/** A participant whom the next server reports, with what the old one knows of them. */
function asKnown(peer: Peer, { old, next }: Both): Peer {
  return { ...peer, sends: shownSends(peer.peerId, { old: old.peers.get(peer.peerId)?.sends, next: peer.sends }, next) };
}

/** What those who were on both servers send according to the one that remains, where something else is shown. */
function corrected(remaining: Contents, { old, next }: Both): RoomEvent[] {
  return [...old.peers.keys()].flatMap((peerId): RoomEvent[] => {
    const sends = { old: old.peers.get(peerId)?.sends, next: next.peers.get(peerId)?.sends };
    const actual = remaining.peers.get(peerId)?.sends;
    if (actual === undefined || isSame(actual, shownSends(peerId, sends, next))) return [];
    return [{ type: 'peerSends', peerId, sends: actual }];
  });
}

function isSame(one: Sends, other: Sends | undefined): boolean {
  return one.audio === other?.audio && one.video === other.video && one.share === other.share;
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
