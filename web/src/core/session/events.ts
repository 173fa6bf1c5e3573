/** What a session tells its listeners. */

import type { ChatMessage, PeerVolume, Sends, Source } from '../../generated/messages';
import type { ConveneError } from '../errors';
import type { LobbyPeer, PublishSource, Reaction } from '../../generated/messages';
import type { ChatPage } from '../signaling/decode';
import type { OwnRights, Peer, Standing } from '../signaling/standing';
import type { ConnectionState } from './connection-state';
import type { SendKind } from './connection/send-kind';

/** Media of another person as it arrives. */
export interface RemoteTrack {
  consumerId: string;
  peerId: string;
  kind: 'audio' | 'video';
  source: Source;
  track: MediaStreamTrack;
  isPaused: boolean;
  /** How well the server receives the stream itself when it is offered; 0: nothing yet. */
  sourceScore?: number;
}

/** What happens in the room. */
export type RoomEvent =
  | { type: 'joined'; peers: Peer[] }
  | { type: 'peerJoined'; peer: Peer }
  | { type: 'peerLeft'; peerId: string }
  | { type: 'peerRenamed'; peerId: string; displayName: string }
  | { type: 'trackAdded'; remote: RemoteTrack }
  | { type: 'trackPaused'; consumerId: string; isPaused: boolean }
  | { type: 'trackRemoved'; consumerId: string }
  /** The picture ought to come and does not, or comes again. */
  | { type: 'trackStalled'; consumerId: string; isStalled: boolean }
  | { type: 'speakers'; volumes: PeerVolume[] }
  | { type: 'activeSpeaker'; peerId: string | undefined }
  | { type: 'peerChanged'; peerId: string; standing: Standing }
  /** What somebody sends now, whether or not it comes here. */
  | { type: 'peerSends'; peerId: string; sends: Sends | undefined }
  | { type: 'handRaised'; peerId: string; isRaised: boolean }
  | { type: 'reaction'; peerId: string; reaction: Reaction }
  | { type: 'permissions'; permissions: OwnRights }
  | { type: 'lobbyPeers'; peers: LobbyPeer[] }
  /** `isLobbyOn` is undefined where moderators cannot switch the lobby. */
  | { type: 'roomState'; title: string; isLocked: boolean; isLobbyOn: boolean | undefined }
  | { type: 'mutedByModerator'; source: PublishSource }
  | { type: 'unmuteRequested' }
  | { type: 'chatMessage'; message: ChatMessage }
  /** The newest page of the chat, after joining. */
  | { type: 'chatHistory'; page: ChatPage }
  /** `sourceScore` is how well the server receives the stream itself: 0 when nothing comes. */
  | { type: 'trackScore'; consumerId: string; score: number; sourceScore: number }
  | { type: 'ownScore'; producerId: string; score: number };

/** Last pictures of the connection before are gone now: who has not come back by then is not coming. */
export interface LastPicturesGone {
  type: 'lastPicturesGone';
}

export type SessionNews =
  | RoomEvent
  | LastPicturesGone
  | { type: 'connection'; connection: ConnectionState }
  | { type: 'publishFailed'; kind: SendKind; error: ConveneError };
