/** What this client asks and tells, typed by the generated messages. */

import type { ClientRequest } from '../../generated/messages';

type Payload<M extends ClientRequest['method']> = Extract<ClientRequest, { method: M }>['data'];

/** Requests that a connection makes by itself; the others of the protocol go out as notifications. */
type ConnectionMethod =
  | 'getRouterRtpCapabilities'
  | 'createWebRtcTransport'
  | 'connectWebRtcTransport'
  | 'restartIce'
  | 'join'
  | 'produce'
  | 'knock';

/** What people ask of the room; most of it is for moderators alone. */
type RoomMethod =
  | 'raiseHand'
  | 'sendReaction'
  | 'sendChatMessage'
  | 'getChatHistory'
  | 'admitPeer'
  | 'refusePeer'
  | 'admitAll'
  | 'setRoomLock'
  | 'setRoomLobby'
  | 'muteParticipant'
  | 'askToUnmute'
  | 'removeParticipant'
  | 'setPermissions'
  | 'setModerator'
  | 'lowerHand'
  | 'endMeeting';

export type RoomRequests = { [M in RoomMethod]: Payload<M> };

type Requests = { [M in ConnectionMethod]: Payload<M> } & RoomRequests;

type NotificationMethod =
  | 'closeProducer'
  | 'pauseProducer'
  | 'resumeProducer'
  | 'changeDisplayName'
  | 'pauseConsumer'
  | 'resumeConsumer'
  | 'requestConsumerKeyFrame'
  | 'setConsumerPreferredLayers'
  | 'setConsumerPriority'
  | 'setWatchedPeers';

export interface Requester {
  request<M extends keyof Requests>(method: M, data: Requests[M]): Promise<unknown>;
  notify<M extends NotificationMethod>(method: M, data: Payload<M>): void;
}
