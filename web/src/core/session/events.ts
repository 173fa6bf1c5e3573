/** The events of a session. */

import type { ChatMessage, PeerVolume, Sends, Source } from '../../generated/messages';
import type { ConveneError } from '../errors';
import type { LobbyPeer, PublishSource, Reaction, ViewerHand } from '../../generated/messages';
import type { ChatPage } from '../signaling/decode';
import type { OwnRights, Peer, PeerStatus } from '../signaling/peers';
import type { ConnectionState } from './connection-state';
import type { SendKind } from './connection/send-kind';

export interface RemoteTrack {
  consumerId: string;
  peerId: string;
  kind: 'audio' | 'video';
  source: Source;
  track: MediaStreamTrack;
  /** Whether something of it has arrived here; undefined if that cannot be known. */
  hasArrived?: (() => boolean) | undefined;
  isPaused: boolean;
  /** The server's score of the incoming stream when it is offered; 0: nothing received yet. */
  sourceScore?: number;
}

export type RoomEvent =
  | { type: 'joined'; peers: Peer[] }
  /** Joined on another server while the connection to the previous one is still there. */
  | { type: 'moved'; peers: Peer[] }
  /** The previous server is gone, and these have not moved yet. */
  | { type: 'leftBehind'; peerIds: string[]; consumerIds: string[] }
  | { type: 'peerJoined'; peer: Peer }
  /** `isViewer`: it is still in the meeting, as a viewer. */
  | { type: 'peerLeft'; peerId: string; isViewer?: boolean }
  | { type: 'peerRenamed'; peerId: string; displayName: string }
  /** `replaces`: the consumer of another server that shows the same until now. */
  | { type: 'trackAdded'; remote: RemoteTrack; replaces?: string }
  | { type: 'trackPaused'; consumerId: string; isPaused: boolean }
  | { type: 'trackRemoved'; consumerId: string }
  /** An expected video does not arrive, or arrives again. */
  | { type: 'trackStalled'; consumerId: string; isStalled: boolean }
  /** The server forwards nothing of a video, for example because it does not fit the connection here. */
  | { type: 'trackWithheld'; consumerId: string; isWithheld: boolean }
  | { type: 'speakers'; volumes: PeerVolume[] }
  | { type: 'activeSpeaker'; peerId: string | undefined }
  | { type: 'peerChanged'; peerId: string; peerStatus: PeerStatus }
  /** The sources that a peer sends now, whether or not they are received here. */
  | { type: 'peerSends'; peerId: string; sends: Sends | undefined }
  | { type: 'handRaised'; peerId: string; isRaised: boolean }
  /** Without a peer: of a viewer. */
  | { type: 'reaction'; peerId: string | undefined; reaction: Reaction }
  | { type: 'viewers'; count: number }
  /** For moderators: how many viewers have raised a hand, and the first of them. */
  | { type: 'viewerHands'; count: number; hands: ViewerHand[] }
  | { type: 'permissions'; permissions: OwnRights }
  | { type: 'lobbyPeers'; peers: LobbyPeer[] }
  /** `isLobbyOn` is undefined where moderators cannot change the lobby. */
  | { type: 'roomState'; title: string; isLocked: boolean; isLobbyOn: boolean | undefined }
  | { type: 'mutedByModerator'; source: PublishSource }
  | { type: 'unmuteRequested' }
  | { type: 'chatMessage'; message: ChatMessage }
  /** The newest page of the chat, after joining. */
  | { type: 'chatHistory'; page: ChatPage }
  /** `sourceScore` is the server's score of the incoming stream: 0 means nothing is received. */
  | { type: 'trackScore'; consumerId: string; score: number; sourceScore: number }
  | { type: 'ownScore'; producerId: string; score: number };

/** The previous connection's last frames are dropped: peers that have not returned by now are gone. */
export interface LastPicturesGone {
  type: 'lastFramesDropped';
}

export type SessionEvent =
  RoomEvent | LastPicturesGone | { type: 'connection'; connection: ConnectionState } | { type: 'publishFailed'; kind: SendKind; error: ConveneError };
