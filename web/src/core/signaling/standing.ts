/** What somebody is and may do in a room, read from what the server says of them; what it leaves out is the most ordinary. Pure. */

import type { PeerChanged, PeerInfo, Permissions, PublishGrant, Sends } from '../../generated/messages';
import { shownName } from '../peer/display-name';
import { isRecord, isText } from './json';

export interface Standing {
  isModerator: boolean;
  /** Nobody vouches for the name. */
  isGuest: boolean;
  publish: PublishGrant;
  /** The server does not hear of them just now; of servers that do not tell this, false. */
  isCut: boolean;
}

/** Another person in the room. */
export interface Peer {
  peerId: string;
  displayName: string;
  standing: Standing;
  /** What they send now, whether or not it comes here; undefined of servers that do not tell this. */
  sends: Sends | undefined;
  isRecorder: boolean;
  /** A program that sends without a page, such as ffmpeg. */
  isBroadcaster: boolean;
  isHandRaised: boolean;
}

/** What one may do oneself. */
export interface OwnRights {
  isModerator: boolean;
  publish: PublishGrant;
  chat: boolean;
  /** The name that the join token fixes. */
  name: string | undefined;
}

/** What programs that send without a page say of themselves; the media pod says the first of those that say nothing. */
const PROGRAMS: readonly string[] = ['broadcaster', 'ffmpeg', 'gstreamer'];

export const ALL_RIGHTS: PublishGrant = { audio: true, video: true, share: true };

/** Before the server has said anything: what a guest of an open meeting may do. */
export const GUEST_RIGHTS: OwnRights = { isModerator: false, publish: ALL_RIGHTS, chat: true, name: undefined };

export function standingOf({ moderator, guest, publish, connected }: Partial<Omit<PeerChanged, 'peerId'>>): Standing {
  return { isModerator: moderator === true, isGuest: guest === true, publish: rightsOf(publish), isCut: connected === false };
}

export function peerOf(info: { peerId: string; displayName: string }): Peer {
  const { recorder, handRaised, device, sends, ...rest }: Partial<PeerInfo> = info;
  return {
    peerId: info.peerId,
    displayName: shownName(info.displayName),
    standing: standingOf(rest),
    sends: sendsOf(sends),
    isRecorder: recorder === true,
    isBroadcaster: PROGRAMS.includes(device?.flag ?? ''),
    isHandRaised: handRaised === true,
  };
}

export function sendsOf(told: unknown): Sends | undefined {
  if (!isRecord(told)) return undefined;
  const { audio, video, share } = told;
  return { audio: audio === true, video: video === true, share: share === true };
}

export function permissionsOf(data: Partial<Permissions>): OwnRights {
  const { moderator, publishData, chat, screenShare, name } = data;
  const publish = rightsOf(data.publish);
  return {
    isModerator: moderator === true,
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
