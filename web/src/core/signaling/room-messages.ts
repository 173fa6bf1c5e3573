/** Messages of our own dialect about people and their rights, as they are on the wire. */

export const REACTIONS = ['like', 'clap', 'heart', 'laugh', 'surprised', 'party'] as const;

export type Reaction = (typeof REACTIONS)[number];

export type ModeratedSource = 'audio' | 'video' | 'share';

export interface PublishFields {
  audio: boolean;
  video: boolean;
  share: boolean;
}

export interface PeerStanding {
  moderator: boolean;
  guest: boolean;
  publish: PublishFields;
}

export interface Permissions {
  moderator: boolean;
  publish: PublishFields;
  publishData?: boolean;
  chat?: boolean;
  screenShare?: boolean;
  name?: string | null;
}

export interface LobbyPeer {
  peerId: string;
  displayName: string;
}

/** What the server tells. */
export type RoomNotification =
  | { method: 'permissions'; data: Permissions }
  | { method: 'lobby'; data: { state: 'waiting' | 'admitted' } }
  | { method: 'lobbyPeers'; data: { peers: LobbyPeer[] } }
  | { method: 'roomState'; data: { title: string; locked: boolean } }
  | { method: 'peerChanged'; data: PeerStanding & { peerId: string } }
  | { method: 'mutedByModerator'; data: { source: ModeratedSource } }
  | { method: 'unmuteRequested'; data: object }
  | { method: 'handRaised'; data: { peerId: string; raised: boolean } }
  | { method: 'reaction'; data: { peerId: string; reaction: Reaction } };

/** What people ask of the room; the last group is for moderators alone. */
export interface RoomRequests {
  raiseHand: { raised: boolean };
  sendReaction: { reaction: Reaction };
  sendChatMessage: { text: string };

  admitPeer: { peerId: string };
  refusePeer: { peerId: string };
  admitAll: Record<string, never>;
  setRoomLock: { locked: boolean };
  muteParticipant: { peerId?: string; source: ModeratedSource };
  askToUnmute: { peerId: string };
  removeParticipant: { peerId: string };
  setPermissions: { peerId: string; publish?: PublishFields; publishData?: boolean };
  setModerator: { peerId: string; moderator: boolean };
  lowerHand: { peerId: string };
  endMeeting: Record<string, never>;
}
