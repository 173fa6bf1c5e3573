/** Roles and permissions of a peer, from what the server sends; missing fields have their usual defaults. Pure. */

import type { PeerChanged, PeerInfo, Permissions, PublishGrant, Sends } from '../../generated/messages';
import { shownName } from '../peer/display-name';
import { isRecord, isText } from './json';

export interface PeerStatus {
  isModerator: boolean;
  /** The name is not verified by a join token. */
  isGuest: boolean;
  publish: PublishGrant;
  /** Whether the server has lost the connection to the peer; false for servers that do not report it. */
  isDisconnected: boolean;
}

/** Another participant in the room. */
export interface Peer {
  peerId: string;
  displayName: string;
  peerStatus: PeerStatus;
  /** The sources that the peer sends now, whether or not they are received here; undefined for servers that do not report them. */
  sends: Sends | undefined;
  isRecorder: boolean;
  /** A program without a page, such as ffmpeg. */
  isBroadcaster: boolean;
  isHandRaised: boolean;
}

/** The local participant's permissions. */
export interface OwnRights {
  isModerator: boolean;
  /** Only receives, until a moderator brings the participant on stage. */
  isViewer: boolean;
  publish: PublishGrant;
  chat: boolean;
  /** The name set by the join token. */
  name: string | undefined;
}

/** The `device.flag` of broadcasters; the media pod sets the first for those that send none. */
const PROGRAMS: readonly string[] = ['broadcaster', 'ffmpeg', 'gstreamer'];

export const ALL_RIGHTS: PublishGrant = { audio: true, video: true, share: true };
export const NO_RIGHTS: PublishGrant = { audio: false, video: false, share: false };

/** The default until the server reports: a guest's permissions in an open meeting. */
export const GUEST_RIGHTS: OwnRights = { isModerator: false, isViewer: false, publish: ALL_RIGHTS, chat: true, name: undefined };

export function peerStatusOf({ moderator, guest, publish, connected }: Partial<Omit<PeerChanged, 'peerId'>>): PeerStatus {
  return { isModerator: moderator === true, isGuest: guest === true, publish: rightsOf(publish), isDisconnected: connected === false };
}

export function peerOf(info: { peerId: string; displayName: string }): Peer {
  const { recorder, handRaised, device, sends, ...rest }: Partial<PeerInfo> = info;
  return {
    peerId: info.peerId,
    displayName: shownName(info.displayName),
    peerStatus: peerStatusOf(rest),
    sends: sendsOf(sends),
    isRecorder: recorder === true,
    isBroadcaster: PROGRAMS.includes(device?.flag ?? ''),
    isHandRaised: handRaised === true,
  };
}

export function sendsOf(value: unknown): Sends | undefined {
  if (!isRecord(value)) return undefined;
  const { audio, video, share } = value;
  return { audio: audio === true, video: video === true, share: share === true };
}

export function permissionsOf(data: Partial<Permissions>): OwnRights {
  const { moderator, viewer, publishData, chat, screenShare, name } = data;
  const publish = rightsOf(data.publish);
  return {
    isModerator: moderator === true,
    isViewer: viewer === true,
    publish: { ...publish, share: publish.share && screenShare !== false },
    chat: chat !== false && publishData !== false,
    name: isText(name) ? name : undefined,
  };
}

function rightsOf(publish: unknown): PublishGrant {
  if (!isRecord(publish)) return ALL_RIGHTS;
  const { audio, video, share } = publish;
  return { audio: audio !== false, video: video !== false, share: share !== false };
}
