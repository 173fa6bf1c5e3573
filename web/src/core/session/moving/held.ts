/**
 * Requests about participants who have not moved yet: the next server does not know them, or nothing of what they send. Pure.
 */

import type { MuteParticipant, Sends } from '../../../generated/messages';
import type { RoomRequests } from '../../signaling/requester';
import type { Contents } from './contents';
import type { Both } from './merge';

/** Whether a request has to wait until the participant that it is about has moved. */
export function isHeld<M extends keyof RoomRequests>(method: M, data: RoomRequests[M], both: Both | undefined): boolean {
  if (both === undefined || !('peerId' in data) || typeof data.peerId !== 'string') return false;
  const source = muteOf(method, data)?.source;
  return isExpected(data.peerId, both) || (source !== undefined && isSentToOldOnly(data.peerId, source, both));
}

/** The requests with which one that mutes all participants also reaches those who have not moved yet. As there, moderators are not muted. */
export function followUps<M extends keyof RoomRequests>(method: M, data: RoomRequests[M], both: Both | undefined): (MuteParticipant & { peerId: string })[] {
  const source = mutedForAll(method, data);
  if (both === undefined || source === undefined) return [];
  const others = [...both.old.peers.values()].filter(({ peerStatus }) => !peerStatus.isModerator);
  const requests = others.map(({ peerId }) => ({ peerId, source }));
  return requests.filter((request) => isHeld('muteParticipant', request, both));
}

/** Those whom a request that mutes all participants does not concern, if it is made now: what they begin to send later is not muted. */
export function silentFor<M extends keyof RoomRequests>(method: M, data: RoomRequests[M], contents: Contents | undefined): ReadonlySet<string> {
  const source = mutedForAll(method, data);
  if (source === undefined) return new Set();
  const peers = [...(contents?.peers.values() ?? [])];
  return new Set(peers.filter(({ sends }) => sends?.[source] === false).map(({ peerId }) => peerId));
}

function muteOf<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): MuteParticipant | undefined {
  return method === 'muteParticipant' ? (data as MuteParticipant) : undefined;
}

function mutedForAll<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): keyof Sends | undefined {
  const mute = muteOf(method, data);
  return typeof mute?.peerId === 'string' ? undefined : mute?.source;
}

function isExpected(peerId: string, { old, next }: Both): boolean {
  return old.peers.has(peerId) && !next.peers.has(peerId);
}

/** Muting a participant who sends nothing has no effect. */
function isSentToOldOnly(peerId: string, source: keyof Sends, { old, next }: Both): boolean {
  return old.peers.get(peerId)?.sends?.[source] === true && !next.hasStarted(peerId, source);
}
