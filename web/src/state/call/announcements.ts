/** Toasts and sounds for events of other participants, decided before an event is applied to the room. Pure. */

import type { OwnRights } from '../../core/signaling/peers';
import type { ViewerHands } from '../../generated/messages';
import type { RoomAccess, RoomView, RoomViewEvent } from '../tiles/participants';
import type { ToastContent } from './toasts';

export type Chime = 'knock' | 'join' | 'leave' | 'message' | 'hand';

export interface Announcement {
  chime?: Chime;
  toasts: readonly ToastContent[];
}

const NOTHING: Announcement = { toasts: [] };

interface OwnState {
  peerId: string;
  /** Whether the first participants and permissions have arrived; they are not announced. */
  hasJoined: boolean;
}

export function announcementOf(room: RoomView, event: RoomViewEvent, { peerId, hasJoined }: OwnState): Announcement {
  switch (event.type) {
    case 'peerJoined':
      return hasJoined && !isKnown(room, event.peer.peerId) ? presence('join', [event.peer.displayName], []) : NOTHING;
    case 'peerLeft':
      return isKnown(room, event.peerId) ? departure(nameOf(room, event.peerId), event.isViewer === true) : NOTHING;
    case 'handRaised':
      if (!event.isRaised || event.peerId === peerId || room.raisedHands.includes(event.peerId)) return NOTHING;
      return { chime: 'hand', toasts: [{ kind: 'hand', name: nameOf(room, event.peerId) }] };
    case 'lobbyPeers':
      return event.peers.some((one) => !room.lobby.some((other) => other.peerId === one.peerId)) ? { chime: 'knock', toasts: [] } : NOTHING;
    case 'viewerHands':
      return handsAnnouncement(room, event);
    case 'roomState':
      return { toasts: room.isKnown ? accessToasts(room, event) : [] };
    case 'permissions':
      return { toasts: hasJoined ? rightsToasts(room.rights, event.permissions) : [] };
    default:
      return NOTHING;
  }
}

/** Only the first of those that are new, for hundreds may rise together. The list is of limited length: what it shows when others are lowered is not new. */
function handsAnnouncement({ viewerHands }: RoomView, { count, hands }: ViewerHands): Announcement {
  if (count > hands.length && count <= viewerHands.count) return NOTHING;
  const risen = hands.find(({ peerId }) => !viewerHands.hands.some((one) => one.peerId === peerId));
  return risen === undefined ? NOTHING : { chime: 'hand', toasts: [{ kind: 'hand', name: risen.displayName }] };
}

export function nameOf({ participants }: RoomView, peerId: string): string {
  return participants.find((one) => one.peerId === peerId)?.displayName ?? '';
}

function isKnown({ participants }: RoomView, peerId: string): boolean {
  return participants.some((one) => one.peerId === peerId);
}

function departure(name: string, isViewer: boolean): Announcement {
  return isViewer ? { toasts: [{ kind: 'leftStage', name }] } : presence('leave', [], [name]);
}

function presence(chime: Chime, joined: readonly string[], left: readonly string[]): Announcement {
  return { chime, toasts: [{ kind: 'presence', joined, left }] };
}

function accessToasts(before: RoomAccess, { isLocked, isLobbyOn }: RoomAccess): ToastContent[] {
  return [
    ...(before.isLocked === isLocked ? [] : [{ kind: 'lock' as const, isLocked }]),
    ...(before.isLobbyOn === isLobbyOn || isLobbyOn === undefined ? [] : [{ kind: 'lobby' as const, isOn: isLobbyOn }]),
  ];
}

function rightsToasts(before: OwnRights, rights: OwnRights): ToastContent[] {
  const moderator: ToastContent = { kind: 'rights', change: 'moderator' };
  if (!before.isViewer && rights.isViewer) return [{ kind: 'rights', change: 'viewer' }];
  // With a microphone, a dialog says so.
  if (before.isViewer && !rights.isViewer)
    return [...(rights.publish.audio ? [] : [{ kind: 'rights' as const, change: 'onStage' as const }]), ...(rights.isModerator ? [moderator] : [])];
  const isRestricted = (['audio', 'video', 'share'] as const).some((kind) => before.publish[kind] && !rights.publish[kind]);
  return [
    ...(before.isModerator === rights.isModerator
      ? []
      : [{ kind: 'rights' as const, change: rights.isModerator ? ('moderator' as const) : ('noModerator' as const) }]),
    ...(isRestricted ? [{ kind: 'rights' as const, change: 'restricted' as const }] : []),
  ];
}
