/** The requests and notifications of this client, typed by the generated messages. */

import type { ClientRequest } from '../../generated/messages';

type Payload<M extends ClientRequest['method']> = Extract<ClientRequest, { method: M }>['data'];

/** Requests that a connection makes itself; the protocol's other methods are sent as notifications. */
type ConnectionMethod = 'getRouterRtpCapabilities' | 'createWebRtcTransport' | 'connectWebRtcTransport' | 'restartIce' | 'join' | 'produce' | 'knock';

/** Requests that users make; most are for moderators only. */
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
  | 'setWatchedPeers'
  | 'moved';

export interface Requester {
  /** `isHeld`: whether the server holds the answer back for a reason; then there is no time limit. */
  request<M extends keyof Requests>(method: M, data: Requests[M], isHeld?: () => boolean): Promise<unknown>;
  notify<M extends NotificationMethod>(method: M, data: Payload<M>): void;
}
