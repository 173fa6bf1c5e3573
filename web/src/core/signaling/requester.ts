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
  | 'getChatHistory'
  | 'knock';

/** What people ask of the room; all but the first three are for moderators alone. */
type RoomMethod =
  | 'raiseHand'
  | 'sendReaction'
  | 'sendChatMessage'
  | 'admitPeer'
  | 'refusePeer'
  | 'admitAll'
  | 'setRoomLock'
  | 'muteParticipant'
  | 'askToUnmute'
  | 'removeParticipant'
  | 'setPermissions'
  | 'setModerator'
  | 'lowerHand'
  | 'endMeeting';

export type RoomRequests = { [M in RoomMethod]: Payload<M> };

type NotificationMethod =
  | 'closeProducer'
  | 'pauseProducer'
  | 'resumeProducer'
  | 'changeDisplayName'
  | 'pauseConsumer'
  | 'resumeConsumer'
  | 'setConsumerPreferredLayers'
  | 'setConsumerPriority';

export interface Requester {
  request<M extends ConnectionMethod | RoomMethod>(method: M, data: Payload<M>): Promise<unknown>;
  notify<M extends NotificationMethod>(method: M, data: Payload<M>): void;
}
