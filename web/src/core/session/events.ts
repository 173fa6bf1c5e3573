/** What a session tells its listeners. */

import type { PeerInfo, PeerVolume, Source } from '../../generated/messages';
import type { ConveneError } from '../errors';
import type { DeviceKind } from '../media/devices';
import type { ConnectionState } from './connection-state';

/** Media of another person as it arrives. */
export interface RemoteTrack {
  consumerId: string;
  peerId: string;
  kind: 'audio' | 'video';
  source: Source;
  track: MediaStreamTrack;
  isPaused: boolean;
}

/** What happens in the room. */
export type RoomEvent =
  | { type: 'joined'; peers: PeerInfo[] }
  | { type: 'peerJoined'; peer: PeerInfo }
  | { type: 'peerLeft'; peerId: string }
  | { type: 'peerRenamed'; peerId: string; displayName: string }
  | { type: 'trackAdded'; remote: RemoteTrack }
  | { type: 'trackPaused'; consumerId: string; isPaused: boolean }
  | { type: 'trackRemoved'; consumerId: string }
  | { type: 'speakers'; volumes: PeerVolume[] }
  | { type: 'activeSpeaker'; peerId: string | undefined };

/** Last pictures of the connection before are gone now: who has not come back by then is not coming. */
export interface LastPicturesGone {
  type: 'lastPicturesGone';
}

export type SessionNews =
  | RoomEvent
  | LastPicturesGone
  | { type: 'connection'; connection: ConnectionState }
  | { type: 'publishFailed'; kind: DeviceKind; error: ConveneError };
